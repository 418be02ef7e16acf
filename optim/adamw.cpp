#include "optim/adamw.h"

#include <algorithm>

#include "kernels/ops/adamw.h"

namespace lorica {

AdamWOptimizer::AdamWOptimizer(Arena& arena, std::vector<Parameter*> parameters, const AdamWOptions& options)
    : options_(options) {
  for (Parameter* parameter : parameters) {
    State state{parameter, Tensor(arena, parameter->value.shape(), Dtype::f32),
                Tensor(arena, parameter->value.shape(), Dtype::f32)};
    state.m.clear();
    state.v.clear();
    states_.push_back(std::move(state));
  }
}

double AdamWOptimizer::gradient_norm(Context& context) {
  std::vector<In> gradients;
  for (const State& state : states_)
    if (state.parameter->has_gradient) gradients.push_back(state.parameter->gradient.in());
  double norm = 0;
  launch(context, GlobalNorm{.grads = gradients, .norm = &norm});
  return norm;
}

void AdamWOptimizer::step(Context& context, double learning_rate, double norm) {
  double scale = 1;
  if (options_.max_grad_norm > 0) scale = std::min(1.0, options_.max_grad_norm / (norm + 1e-6));
  std::vector<AdamWTensor> tensors;
  for (State& state : states_) {
    Parameter& p = *state.parameter;
    if (!p.has_gradient) continue;
    const bool matrix = p.value.shape().rank() > 1;
    tensors.push_back({.value = p.value.out().as<float>(),
                       .grad = p.gradient.in().as<float>(),
                       .m = state.m.out().as<float>(),
                       .v = state.v.out().as<float>(),
                       .elements = p.value.elements(),
                       .learning_rate = static_cast<float>(learning_rate),
                       .weight_decay = matrix ? static_cast<float>(options_.weight_decay) : 0.0f});
  }
  ++steps_;
  launch(context, AdamW{.tensors = tensors,
                        .beta1 = static_cast<float>(options_.beta1),
                        .beta2 = static_cast<float>(options_.beta2),
                        .eps = static_cast<float>(options_.eps),
                        .step = steps_,
                        .grad_scale = static_cast<float>(scale)});
  for (State& state : states_) state.parameter->clear();
}

}  // namespace lorica
