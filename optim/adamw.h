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

  /// Leaves the Euclidean norm of all gradients on the device; a parameter without one counts as zero.
  void find_norm(Context& context);
  /// Waits for the norm found last.
  double norm(Context& context) const;
  /// Both.
  double gradient_norm(Context& context);

  /// Counts a step and puts what is particular to it on the device.
  void prepare_step(Context& context, double learning_rate);
  /// The step itself, the same launches each time: gradients are scaled down to max_grad_norm where the norm found last
  /// is above it, as torch.nn.utils.clip_grad_norm_ does, and are cleared afterwards. A norm that is not finite leaves
  /// all values as they are. A parameter that no gradient reached is left alone.
  void update(Context& context);
  /// prepare_step() and update().
  void step(Context& context, double learning_rate);

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
  Tensor norm_, step_values_;
  AdamWOptions options_;
  int64_t steps_ = 0;
};

}  // namespace lorica
