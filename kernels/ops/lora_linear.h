#pragma once
#include "kernels/ops/linear.h"

namespace lorica {

/// Dropout that is replayed, never stored: element i is kept where word i of Philox4x32-10 (key = seed, counter from
/// stream[0] + module and i / 4) is at least p 2^32, and is then divided by 1 - p. kernels/philox.h has the generator.
/// What differs from micro-batch to micro-batch is in memory of the device, so that a recorded step can be repeated.
struct Dropout {
  float p = 0;
  uint64_t seed = 0;
  uint64_t module = 0;
  In stream = {};  ///< i64 [1]; empty: 0. Unlike for every (step, micro-batch), with room for the modules between
};

/// Linear layer with a LoRA adapter, forward:
///     u = scale dropout(x) A^T      y = x W^T + bias + u B^T (+ residual)
/// Shapes    x [T, in], y [T, out], residual as in LinearFwd;  W [out, in] frozen;  A [r, in] f32, B [out, r] f32;
///           u [T, r] of x's dtype, kept for the backward pass (empty: not wanted).
/// Numerics  A and B are rounded to x's dtype for the products, u as it is stored; f32 accumulation, y rounded once
///           (on a GPU twice in bf16: u B^T + residual, then the whole).
/// Reference Hu et al. 2021; scale = alpha / r, or alpha / sqrt(r) (rsLoRA).
struct LoraLinearFwd {
  In x;
  WeightIn w;
  In bias = {}, residual = {}, a, b;
  Out y, u = {};
  float scale = 1;
  Dropout dropout = {};
  void check() const;
  Cost cost() const;
};

/// Linear layer with a LoRA adapter, backward:
///     v = scale dy B      dx = dy W + dropout(v A)      dA = v^T dropout(x)      dB = dy^T u
/// (dropout here is the product with the mask of the forward pass, so it is its own transpose)
/// Shapes    dy [T, out];  x [T, in];  u [T, r];  da, db f32 like a, b;  dx [T, in]; the weight packed for kBackward.
///           x is not read where da is skipped, u not where db is.
/// Numerics  A, B and v are rounded to dy's dtype; f32 accumulation, dx rounded once (on a GPU twice in bf16: its
///           low-rank part, added to what is there in mode kAdd, then the whole).
struct LoraLinearBwd {
  In dy, x = {};
  WeightIn w;
  In a, b, u = {};
  GradOut dx = {}, da = {}, db = {};
  float scale = 1;
  Dropout dropout = {};
  void check() const;
  Cost cost() const;
};

void run(CpuBackend&, const LoraLinearFwd&);
void run(CudaBackend&, const LoraLinearFwd&);
void run(CpuBackend&, const LoraLinearBwd&);
void run(CudaBackend&, const LoraLinearBwd&);

}  // namespace lorica
