#include "engine/model/layers.h"

#include "kernels/ops/elementwise.h"

namespace lorica {
namespace {

/// Any floating dtype of a file as f32 or bf16. Each value is rounded once.
template <class From, class To>
void convert(const In& from, const Out& to) {
  const From* x = from.as<From>();
  To* y = to.as<To>();
  const int64_t n = from.elements();
  for (int64_t i = 0; i < n; ++i) y[i] = To(static_cast<float>(x[i]));
}

template <class To>
void convert_to(const In& from, const Out& to, const std::string& what) {
  switch (from.dtype) {
    case Dtype::f64:
      return convert<double, To>(from, to);
    case Dtype::f32:
      return convert<float, To>(from, to);
    case Dtype::f16:
      return convert<f16, To>(from, to);
    case Dtype::bf16:
      return convert<bf16, To>(from, to);
    default:
      throw Error("{}: expected a floating-point tensor, got {}", what, name_of(from.dtype));
  }
}

}  // namespace

Weight::Weight(Arena& arena, const BuildOptions& build, const std::string& name, Shape expected) : name_(name) {
  const In source = build.weights->tensor(name);
  const std::string what = build.weights->origin() + ": tensor '" + name + "'";
  if (!(source.shape == expected))
    throw Error("{}: expected shape {}, got {}", what, expected.text(), source.shape.text());
  const Dtype dtype = build.trained ? Dtype::f32 : build.dtype;
  Tensor value;
  if (source.dtype == dtype && !build.trained) {
    value = Tensor(source, build.weights);
  } else {
    value = Tensor(arena, expected, dtype);
    if (dtype == Dtype::f32)
      convert_to<float>(source, value, what);
    else
      convert_to<bf16>(source, value, what);
    build.weights->done_with(name);
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
