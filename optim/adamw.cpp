#include "optim/adamw.h"

#include <algorithm>
#include <array>

#include "kernels/ops/adamw.h"

namespace lorica {

AdamWOptimizer::AdamWOptimizer(Arena& arena, std::vector<Parameter*> parameters, const AdamWOptions& options)
    : norm_(arena, {1}, Dtype::f64), step_values_(arena, {3}, Dtype::f32), options_(options) {
  for (Parameter* parameter : parameters) {
    State state{parameter, Tensor(arena, parameter->value.shape(), Dtype::f32),
                Tensor(arena, parameter->value.shape(), Dtype::f32)};
    state.m.clear();
    state.v.clear();
    states_.push_back(std::move(state));
  }
}

void AdamWOptimizer::find_norm(Context& context) {
  std::vector<In> gradients;
  for (const State& state : states_)
    if (state.parameter->has_gradient) gradients.push_back(state.parameter->gradient.in());
  launch(context, GlobalNorm{.grads = gradients, .norm = norm_});
}

double AdamWOptimizer::gradient_norm(Context& context) {
  find_norm(context);
  return norm(context);
}

double AdamWOptimizer::norm(Context& context) const {
  double norm = 0;
  context.memory().copy_out(&norm, norm_.in().data, sizeof(norm));
  return norm;
}

void AdamWOptimizer::prepare_step(Context& context, double learning_rate) {
  ++steps_;
  const std::array<float, 3> values =
      adamw_step_values(learning_rate, static_cast<float>(options_.beta1), static_cast<float>(options_.beta2), steps_);
  context.memory().copy_in(step_values_.out().data, values.data(), sizeof(values));
}

void AdamWOptimizer::update(Context& context) {
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
                       .weight_decay = matrix ? static_cast<float>(options_.weight_decay) : 0.0f});
  }
  launch(context, AdamW{.tensors = tensors,
                        .step_values = step_values_,
                        .norm = norm_,
                        .beta1 = static_cast<float>(options_.beta1),
                        .beta2 = static_cast<float>(options_.beta2),
                        .eps = static_cast<float>(options_.eps),
                        .max_grad_norm = static_cast<float>(options_.max_grad_norm)});
  for (State& state : states_) state.parameter->clear();
}

void AdamWOptimizer::step(Context& context, double learning_rate) {
  prepare_step(context, learning_rate);
  update(context);
}

}  // namespace lorica
