#pragma once
#include "kernels/cuda/backend.h"

namespace lorica {

/// to[i] (=, +=) alpha (partials[i] + partials[n + i] + ...), added in this order in f32; n elements of `to`, f32 or
/// bf16. No parts: zeros.
void add_partials(CudaBackend& cuda, const float* partials, int64_t parts, float alpha, const GradOut& to);

}  // namespace lorica
