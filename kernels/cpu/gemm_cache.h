#pragma once
#include "kernels/context.h"

namespace lorica {

/// The oneDNN primitives made so far, by shape. Only kernels/cpu/gemm.cpp looks inside.
struct CpuBackend::GemmCache {};

}  // namespace lorica
