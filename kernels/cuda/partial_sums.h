#pragma once
#include "kernels/cuda/backend.h"

namespace lorica {

/// to[i] (=, +=) alpha (partials[i] + partials[n + i] + ...), in f32 and in a fixed order: strip s adds up parts s,
/// s + strips, ...; then the strips are added in theirs. n elements of `to`, f32 or bf16. No parts: zeros.
void add_partials(CudaBackend& cuda, const float* partials, int64_t parts, float alpha, const GradOut& to);

}  // namespace lorica
