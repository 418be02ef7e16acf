#include "engine/model/layers.h"

#include "engine/convert.h"

namespace lorica {

Weight::Weight(Arena& arena, const BuildOptions& build, const std::string& name, Shape expected) : name_(name) {
  // Checkpoints saved from the bare backbone lack the first part of the path ("model.", "transformer.").
  const std::string bare = name.substr(name.find('.') + 1);
  const std::string stored = !build.weights->contains(name) && build.weights->contains(bare) ? bare : name;
  const In source = build.weights->weight(stored, expected);
  const std::string what = build.weights->origin() + ": tensor '" + stored + "'";
  if (!(source.shape == expected))
    throw Error("{}: expected shape {}, got {}", what, expected.text(), source.shape.text());
  const Dtype dtype = build.trained ? Dtype::f32 : build.dtype;
  Tensor value;
  if (source.dtype == dtype && !build.trained && &arena.memory() == &host_memory()) {
    value = Tensor(source, build.weights);
  } else {
    value = Tensor(arena, expected, dtype);
    load_floats(source, value, what);
    build.weights->done_with(stored);
  }
  if (!build.trained) {
    frozen_ = std::move(value);
    return;
  }
  parameter_ = std::make_unique<Parameter>();
  parameter_->name = name;
  parameter_->value = std::move(value);
}

LinearLayer::LinearLayer(Arena& arena, const BuildOptions& build, const std::string& name, int64_t in, int64_t out,
                         bool bias, WeightLayout layout)
    : name_(name), in_(in), out_(out), layout_(layout) {
  const Shape shape = layout == WeightLayout::kOutIn ? Shape{out, in} : Shape{in, out};
  own_ = Weight(arena, build, name + ".weight", shape);
  if (bias) bias_ = Weight(arena, build, name + ".bias", {out});
}

LinearLayer LinearLayer::tied(const std::string& name, const Weight& table, int64_t in, int64_t out) {
  LinearLayer layer;
  layer.name_ = name;
  layer.in_ = in;
  layer.out_ = out;
  layer.shared_ = &table;
  return layer;
}

LinearWeight LinearLayer::weight(Tape& tape, bool backward) const {
  const Weight& source = shared_ ? *shared_ : own_;
  LinearWeight result{.w = source.var(tape),
                      .forward = nullptr,
                      .backward = nullptr,
                      .layout = layout_,
                      .out_features = out_,
                      .in_features = in_};
  if (source.parameter()) return result;
  if (tape.context().device != Device::kCpu) return result;
  CpuBackend& cpu = tape.context().cpu;
  if (!forward_) forward_ = pack_weight(cpu, result.w.value, layout_, PackFor::kForward);
  if (backward && !backward_) backward_ = pack_weight(cpu, result.w.value, layout_, PackFor::kBackward);
  result.forward = forward_.get();
  result.backward = backward ? backward_.get() : nullptr;
  return result;
}

Var LinearLayer::operator()(Tape& tape, const Var& x, const Var& residual) const {
  const Var bias = bias_ ? bias_.var(tape) : Var();
  const LinearWeight w = weight(tape, tape.recording() && x.needs_grad());
  if (!lora) return linear(tape, x, w, bias, residual);
  const LoraFactors factors{.a = tape.leaf(lora->a),
                            .b = tape.leaf(lora->b),
                            .scale = lora->scale,
                            .dropout = lora->dropout,
                            .module = lora->module};
  return lora_linear(tape, x, w, factors, bias, residual);
}

}  // namespace lorica
