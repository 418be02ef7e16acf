#pragma once
#include <array>
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
  float lr_scale = 1;
  float weight_decay = 0;
};

/// AdamW over all tensors at once. With t the number of the step from 1, lr the learning rate times the tensor's
/// lr_scale and g = grad * min(1, max_grad_norm / (norm + 1e-6)), the clipped gradient:
///     p = p - lr wd p      m = b1 m + (1 - b1) g      v = b2 v + (1 - b2) g^2
///     p = p - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
/// What changes from step to step lies on the device, so that a recorded step can be replayed:
/// Shapes    step_values [3] f32 = {learning rate, 1 - b1^t, 1 - b2^t} (adamw_step_values());
///           norm [1] f64 over all gradients (empty: no clipping). A norm that is not finite leaves everything as it
///           is.
/// Numerics  f32. Reference Loshchilov and Hutter 2019, as torch.optim.AdamW and clip_grad_norm_ compute it.
struct AdamW {
  std::span<const AdamWTensor> tensors;
  In step_values, norm;
  float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;
  float max_grad_norm = 0;  ///< 0: no clipping
  void check() const;
  Cost cost() const;
};

/// AdamW::step_values for the op's own beta1 and beta2, computed in double and rounded once.
std::array<float, 3> adamw_step_values(double learning_rate, float beta1, float beta2, int64_t step);

/// The Euclidean norm over all gradients, f32 tensors:  norm = sqrt(sum g^2), [1] f64.
/// Numerics  squares summed in double over fixed ranges, in a fixed order; NaN or Inf in a gradient shows in the norm.
struct GlobalNorm {
  std::span<const In> grads;
  Out norm;
  void check() const;
  Cost cost() const;
};

void run(CpuBackend&, const AdamW&);
void run(CudaBackend&, const AdamW&);
void run(CpuBackend&, const GlobalNorm&);
void run(CudaBackend&, const GlobalNorm&);

}  // namespace lorica
