#pragma once
#include <string>

namespace lorica {

/// Whether this CPU multiplies bf16 in hardware (AVX512-BF16 or AMX-BF16). Elsewhere bf16 is emulated and slow.
bool cpu_has_bf16();

/// The CPU's name and its units that matter here: "AMD EPYC (avx2, avx512, avx512-bf16)".
std::string cpu_description();

}  // namespace lorica
