#include "engine/autograd/tape.h"

#include "kernels/ops/elementwise.h"

namespace lorica {

namespace {

Slot slot_for(const Tensor& value, Parameter* parameter = nullptr) {
  return std::make_shared<GradSlot>(GradSlot{value.shape(), value.dtype(), parameter, {}});
}

}  // namespace

Var Tape::leaf(Parameter& parameter) {
  Var var(parameter.value);
  var.slot = slot_for(parameter.value, &parameter);
  return var;
}

Var Tape::record(const char* op, std::initializer_list<const Var*> inputs, Tensor value, Backward backward) {
  if (inspector_) inspector_(op, false, value);
  Var result(std::move(value));
  bool needs_grad = false;
  for (const Var* input : inputs) needs_grad = needs_grad || input->needs_grad();
  if (!recording_) {
    saw_parameter_ = saw_parameter_ || needs_grad;
    return result;
  }
  if (!needs_grad) return result;
  result.slot = slot_for(result.value);
  Node node{op, result.slot, {}, std::move(backward)};
  if (inspector_)
    for (const Var* input : inputs)
      if (input->slot) node.inputs.push_back(input->slot);
  nodes_.push_back(std::move(node));
  return result;
}

GradOut Tape::grad_out(const Slot& slot) {
  if (!slot) return {};
  if (Parameter* parameter = slot->parameter) {
    if (!parameter->gradient) {
      Arena* const lasting = parameter->value.arena();
      parameter->gradient = Tensor(lasting ? *lasting : *arena_, parameter->value.shape(), Dtype::f32);
    }
    const GradMode mode = parameter->has_gradient ? GradMode::kAdd : GradMode::kWrite;
    parameter->has_gradient = true;
    return {parameter->gradient, mode};
  }
  Tensor& gradient = slot->gradient;
  if (!gradient) {
    gradient = empty(slot->shape, slot->dtype);
    return {gradient, GradMode::kWrite};
  }
  if (gradient.shared()) {  // handed on by a residual add: somebody else still reads it
    Tensor own = empty(gradient.shape(), gradient.dtype());
    launch(*context_, Accumulate{.dy = gradient, .dx = {own, GradMode::kWrite}});
    gradient = own;
  }
  return {gradient, GradMode::kAdd};
}

void Tape::pass_grad(const Slot& slot, const Tensor& gradient) {
  if (!slot) return;
  if (!slot->parameter && !slot->gradient) {
    slot->gradient = gradient.reshaped(slot->shape);
    return;
  }
  launch(*context_, Accumulate{.dy = gradient.reshaped(slot->shape), .dx = grad_out(slot)});
}

void Tape::inspect_gradients(const Node& node) {
  for (const auto& input : node.inputs) {
    if (input->parameter && input->parameter->has_gradient) inspector_(node.op, true, input->parameter->gradient);
    if (!input->parameter && input->gradient) inspector_(node.op, true, input->gradient);
  }
}

void Tape::backward(const Var& output, Tensor seed) {
  if (!output.slot) return;
  Slot start = output.slot;
  start->gradient = std::move(seed);
  while (!nodes_.empty()) {
    Node node = std::move(nodes_.back());
    nodes_.pop_back();
    if (!node.output->gradient && node.output != start) continue;  // nothing above depends on it
    const Tensor dy = std::move(node.output->gradient);
    node.output->gradient = Tensor();
    node.run(*this, dy);
    if (inspector_) inspect_gradients(node);
  }
}

Var checkpoint(Tape& tape, const std::function<Var(Tape&, const Var&)>& fn, const Var& x) {
  if (!tape.recording_) return fn(tape, x);
  tape.recording_ = false;
  tape.replaying_ = true;
  tape.saw_parameter_ = false;
  Var y = fn(tape, Var(x.value));
  tape.recording_ = true;
  tape.replaying_ = false;
  if (!tape.saw_parameter_ && !x.needs_grad()) return y;

  Var output(y.value);
  output.slot = slot_for(output.value);
  auto run = [fn, x](Tape& outer, const Tensor& dy) {
    Tape inner(outer.context(), outer.arena());
    inner.set_dropout(outer.dropout_seed_, outer.dropout_stream_);
    inner.inspector_ = outer.inspector_;
    inner.recompute_cheap_ = outer.recompute_cheap_;
    Var proxy(x.value);
    if (x.needs_grad()) proxy.slot = slot_for(x.value);
    const Var again = fn(inner, proxy);
    inner.backward(again, dy);
    if (proxy.slot && proxy.slot->gradient) outer.pass_grad(x.slot, proxy.slot->gradient);
  };
  tape.nodes_.push_back({"checkpoint", output.slot, {}, std::move(run)});
  return output;
}

}  // namespace lorica
