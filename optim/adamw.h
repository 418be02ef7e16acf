#pragma once
#include <vector>

#include "engine/autograd/tape.h"

namespace lorica {

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay = 0;
  double max_grad_norm = 1.0;  ///< 0: no clipping
};

/// AdamW over a model's trained tensors. Weight decay leaves vectors (norm weights, biases) alone, as Transformers'
/// trainer does; LoRA factors are matrices and get it.
class AdamWOptimizer {
 public:
  AdamWOptimizer(Arena& arena, std::vector<Parameter*> parameters, const AdamWOptions& options);

  /// The Euclidean norm of all gradients; a parameter without one counts as zero.
  double gradient_norm(Context& context);
  /// One update with gradients scaled down to max_grad_norm where `norm` is above it, as torch.nn.utils.clip_grad_norm_
  /// does; then the gradients are cleared. A parameter that no gradient reached is left alone.
  void step(Context& context, double learning_rate, double norm);

  int64_t steps() const { return steps_; }
  void set_steps(int64_t steps) { steps_ = steps; }

  /// One trained tensor with its moments, for checkpoints.
  struct State {
    Parameter* parameter;
    Tensor m, v;
  };
  const std::vector<State>& states() const { return states_; }

 private:
  std::vector<State> states_;
  AdamWOptions options_;
  int64_t steps_ = 0;
};

}  // namespace lorica
