#pragma once
#include <cstdint>

namespace lorica {

/// Which kernels do attention on a GPU; kAuto is kMma. kCudnn is NVIDIA's library, and the mma kernels for what it does
/// not take (kernels/cuda/attention_library.h). The CPU has one implementation.
enum class AttentionKernel : uint8_t { kAuto, kMma, kCudnn };

}  // namespace lorica
