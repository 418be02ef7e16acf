#pragma once
#include "kernels/cuda/backend.h"
#include "kernels/cuda/device/dropout.cuh"

// Products with one side as thin as an adapter's rank, too thin for a GEMM library to run at the memory's speed, which
// would moreover need dropped and rounded copies. x, dy, u, v are of the compute dtype, the factors A and B f32,
// rounded to the compute dtype when they are read. f32 accumulation in a fixed order.
namespace lorica {

/// How an f32 factor lies: [r, n] as A does, or [n, r] as B does.
enum class FactorLayout { kRankFirst, kRankLast };

/// to [T, r] = alpha mask(x [T, k]) factor; factor [r, k] or [k, r].
void thin_product(CudaBackend& cuda, const In& x, const In& factor, FactorLayout layout, const DropoutMask& mask,
                  float alpha, const Out& to);

/// to (=, +=) thin^T mask(wide) [r, n], or its transpose [n, r];  thin [T, r], wide [T, n], to f32.
void thin_gradient(CudaBackend& cuda, const In& thin, const In& wide, const DropoutMask& mask, bool transposed,
                   const GradOut& to);

/// to [T, n] = mask(left [T, r] factor) + addend; factor [r, n] or [n, r]; addend like `to`, may be `to`, or empty.
void low_rank_update(CudaBackend& cuda, const In& left, const In& factor, FactorLayout layout, const DropoutMask& mask,
                     const In& addend, const Out& to);

}  // namespace lorica
