#pragma once
#include <span>

#include "kernels/context.h"

namespace lorica {

/// One trained tensor: value, gradient and the two moments, all f32 and of `elements` elements.
struct AdamWTensor {
  float* value = nullptr;
  const float* grad = nullptr;
  float* m = nullptr;
  float* v = nullptr;
  int64_t elements = 0;
  float learning_rate = 0;
  float weight_decay = 0;
};

/// AdamW over all tensors at once, t = step from 1, g = grad * grad_scale (the clip factor):
///     p = p - lr wd p      m = b1 m + (1 - b1) g      v = b2 v + (1 - b2) g^2
///     p = p - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
/// Numerics  f32; bias corrections in double. Reference Loshchilov and Hutter 2019, as torch.optim.AdamW computes it.
struct AdamW {
  std::span<const AdamWTensor> tensors;
  float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;
  int64_t step = 1;
  float grad_scale = 1;
  void check() const;
  Cost cost() const;
};

/// The Euclidean norm over all gradients, f32 tensors:  *norm = sqrt(sum g^2).
/// Numerics  squares summed in double over fixed ranges, in a fixed order; NaN or Inf in a gradient shows in the norm.
struct GlobalNorm {
  std::span<const In> grads;
  double* norm = nullptr;
  void check() const;
  Cost cost() const;
};

void run(CpuBackend&, const AdamW&);
void run(CudaBackend&, const AdamW&);
void run(CpuBackend&, const GlobalNorm&);
void run(CudaBackend&, const GlobalNorm&);

}  // namespace lorica
