// Speed of the ops that are bound by memory, at the sizes of SmolLM2-135M: 1024 tokens, width 576, MLP 1536, 9 query
// and 3 key/value heads of 64, vocabulary 49152. GB/s counts each tensor once (the ops' cost()); the tensors of one op
// fit in the last-level cache of many machines, so compare with Cast, not with the memory's bandwidth.
#include "bench/kernels.h"

#include <cmath>

#include "kernels/ops/activation.h"
#include "kernels/ops/adamw.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/embedding.h"
#include "kernels/ops/layer_norm.h"
#include "kernels/ops/rms_norm.h"
#include "kernels/ops/rope.h"

namespace lorica::bench {
namespace {

constexpr int64_t kT = 1024, kD = 576, kFf = 1536, kHeads = 9, kHeadWidth = 64, kVocabulary = 49152;

double activated(Activation activation, double x) {
  switch (activation) {
    case Activation::kSilu:
      return x / (1 + std::exp(-x));
    case Activation::kGeluTanh:
      return x / (1 + std::exp(-1.5957691216 * (x + 0.044715 * x * x * x)));
    case Activation::kGeluErf:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
  }
  return 0;
}

std::vector<int32_t> token_ids() {
  std::vector<int32_t> ids;
  for (int32_t t = 0; t < kT; ++t) ids.push_back(t * 7919 % static_cast<int32_t>(kVocabulary));
  return ids;
}

/// Mean of f(i) over the first row of kD elements.
template <class F>
double row_mean(F&& f) {
  double sum = 0;
  for (size_t j = 0; j < kD; ++j) sum += f(j);
  return sum / kD;
}

void rms_norm(benchmark::State& state, Dtype dtype) {
  Data x({kT, kD}, dtype, 1, 3), w({kD}, dtype), y({kT, kD}, dtype), rstd({kT}, Dtype::f32);
  for (size_t j = 0; j < kD; ++j) w.set(j, 1);
  time_op(state, RmsNormFwd{.x = x.in(), .w = w.in(), .y = y.out(), .rstd = rstd.out()},
          [&] { return near(row_mean([&](size_t j) { return y.get(j) * y.get(j); }), 1); });
}

/// dx of a norm is at right angles to x.
void rms_norm_backward(benchmark::State& state, Dtype dtype, bool with_dw) {
  Data x({kT, kD}, dtype, 1), dy({kT, kD}, dtype, 2), w({kD}, dtype, 3), dx({kT, kD}, dtype), dw({kD}, Dtype::f32);
  Data rstd({kT}, Dtype::f32), y({kT, kD}, dtype);
  Context context;
  launch(context, RmsNormFwd{.x = x.in(), .w = w.in(), .y = y.out(), .rstd = rstd.out()});
  const RmsNormBwd op{.dy = dy.in(),
                      .x = x.in(),
                      .w = w.in(),
                      .rstd = rstd.in(),
                      .dx = dx.grad(),
                      .dw = with_dw ? dw.grad() : GradOut{}};
  time_op(state, op, [&] { return near(row_mean([&](size_t j) { return dx.get(j) * x.get(j); }), 0); });
}

void layer_norm(benchmark::State& state, Dtype dtype) {
  Data x({kT, kD}, dtype, 1, 3), w({kD}, dtype), y({kT, kD}, dtype), mean({kT}, Dtype::f32), rstd({kT}, Dtype::f32);
  for (size_t j = 0; j < kD; ++j) w.set(j, 1);
  const LayerNormFwd op{.x = x.in(), .w = w.in(), .b = {}, .y = y.out(), .mean = mean.out(), .rstd = rstd.out()};
  time_op(state, op, [&] {
    return near(row_mean([&](size_t j) { return y.get(j) * y.get(j); }), 1) &&
           near(row_mean([&](size_t j) { return y.get(j); }), 0);
  });
}

void layer_norm_backward(benchmark::State& state, Dtype dtype) {
  Data x({kT, kD}, dtype, 1), dy({kT, kD}, dtype, 2), w({kD}, dtype, 3), dx({kT, kD}, dtype), y({kT, kD}, dtype);
  Data mean({kT}, Dtype::f32), rstd({kT}, Dtype::f32), dw({kD}, Dtype::f32), db({kD}, Dtype::f32);
  Context context;
  launch(context,
         LayerNormFwd{.x = x.in(), .w = w.in(), .b = {}, .y = y.out(), .mean = mean.out(), .rstd = rstd.out()});
  const LayerNormBwd op{.dy = dy.in(),
                        .x = x.in(),
                        .w = w.in(),
                        .mean = mean.in(),
                        .rstd = rstd.in(),
                        .dx = dx.grad(),
                        .dw = dw.grad(),
                        .db = db.grad()};
  time_op(state, op, [&] {
    return near(row_mean([&](size_t j) { return dx.get(j); }), 0) &&
           near(row_mean([&](size_t j) { return dx.get(j) * x.get(j); }), 0);
  });
}

void embedding(benchmark::State& state, Dtype dtype) {
  const std::vector<int32_t> ids = token_ids();
  Data table({kVocabulary, kD}, dtype, 1), id(ids), y({kT, kD}, dtype);
  time_op(state, EmbeddingFwd{.table = table.in(), .ids = id.in(), .y = y.out()},
          [&] { return y.get(3 * kD) == table.get(static_cast<size_t>(ids[3]) * kD); });
}

void embedding_backward(benchmark::State& state, Dtype dtype) {
  const std::vector<int32_t> ids = token_ids();
  Data dy({kT, kD}, dtype, 1), id(ids), dtable({kVocabulary, kD}, Dtype::f32);
  time_op(state, EmbeddingBwd{.dy = dy.in(), .ids = id.in(), .dtable = dtable.grad()},
          [&] { return near(dtable.get(static_cast<size_t>(ids[3]) * kD), dy.get(3 * kD)); });
}

/// A rotation keeps the length of a head.
void rope(benchmark::State& state, Dtype dtype, bool backward) {
  Data x({kT, kHeads, kHeadWidth}, dtype, 1), y({kT, kHeads, kHeadWidth}, dtype);
  Data cos({kT, kHeadWidth / 2}, Dtype::f32), sin({kT, kHeadWidth / 2}, Dtype::f32);
  std::vector<int32_t> positions;
  for (int32_t t = 0; t < kT; ++t) {
    positions.push_back(t);
    for (int i = 0; i < kHeadWidth / 2; ++i) {
      const double angle = t * std::pow(10000.0, -2.0 * i / kHeadWidth);
      cos.set(static_cast<size_t>(t * kHeadWidth / 2 + i), static_cast<float>(std::cos(angle)));
      sin.set(static_cast<size_t>(t * kHeadWidth / 2 + i), static_cast<float>(std::sin(angle)));
    }
  }
  const Data position(positions);
  const auto right = [&] {
    double before = 0, after = 0;
    const size_t at = 100 * kHeads * kHeadWidth;
    for (size_t i = at; i < at + kHeadWidth; ++i) before += x.get(i) * x.get(i), after += y.get(i) * y.get(i);
    return near(after, before, before) && !near(y.get(at), x.get(at), 0.01);
  };
  if (backward)
    return time_op(state,
                   RopeBwd{.dy = x.in(), .cos = cos.in(), .sin = sin.in(), .positions = position.in(), .dx = y.grad()},
                   right);
  time_op(state, Rope{.x = x.in(), .cos = cos.in(), .sin = sin.in(), .positions = position.in(), .y = y.out()}, right);
}

void glu(benchmark::State& state, Dtype dtype, Activation activation) {
  Data gate({kT, kFf}, dtype, 1), up({kT, kFf}, dtype, 2), y({kT, kFf}, dtype);
  time_op(state, GluFwd{.gate = gate.in(), .up = up.in(), .y = y.out(), .activation = activation},
          [&] { return near(y.get(7), activated(activation, gate.get(7)) * up.get(7), 2); });
}

void glu_backward(benchmark::State& state, Dtype dtype) {
  Data gate({kT, kFf}, dtype, 1), up({kT, kFf}, dtype, 2), dy({kT, kFf}, dtype, 3), dgate({kT, kFf}, dtype),
      dup({kT, kFf}, dtype);
  const GluBwd op{.dy = dy.in(), .gate = gate.in(), .up = up.in(), .dgate = dgate.grad(), .dup = dup.grad()};
  time_op(state, op, [&] { return near(dup.get(7), dy.get(7) * activated(Activation::kSilu, gate.get(7)), 2); });
}

void add(benchmark::State& state, Dtype dtype) {
  Data a({kT, kD}, dtype, 1), b({kT, kD}, dtype, 2), y({kT, kD}, dtype);
  time_op(state, Add{.a = a.in(), .b = b.in(), .y = y.out()}, [&] { return near(y.get(7), a.get(7) + b.get(7), 2); });
}

void accumulate(benchmark::State& state, Dtype dtype) {
  Data dy({kT, kD}, dtype, 1), dx({kT, kD}, dtype);
  time_op(state, Accumulate{.dy = dy.in(), .dx = dx.grad(GradMode::kAdd), .scale = 0.5f},
          [&] { return near(dx.get(7), 0.5 * dy.get(7)); });
}

/// From f32 to bf16 and from bf16 to f32.
void cast(benchmark::State& state, Dtype to) {
  Data x({kT, kFf}, to == Dtype::f32 ? Dtype::bf16 : Dtype::f32, 1), y({kT, kFf}, to);
  time_op(state, Cast{.x = x.in(), .y = y.out()}, [&] { return near(y.get(7), x.get(7)); });
}

/// LoRA of rank 16 on all seven matrices of 30 layers: 4.9 million elements in 420 tensors.
void adamw(benchmark::State& state) {
  constexpr int64_t kLayers = 30, kRank = 16;
  std::vector<int64_t> sizes;
  for (int64_t layer = 0; layer < kLayers; ++layer)
    for (int64_t features : {kD, kD, kD, kD / 3, kD, kD / 3, kD, kD, kD, kFf, kD, kFf, kFf, kD})
      sizes.push_back(kRank * features);
  std::vector<Data> data;
  for (int64_t n : sizes)
    for (uint64_t seed : {1, 2, 0, 0}) data.emplace_back(Shape{n}, Dtype::f32, seed);
  std::vector<AdamWTensor> tensors;
  for (size_t i = 0; i < data.size(); i += 4)
    tensors.push_back({.value = data[i].out().as<float>(),
                       .grad = data[i + 1].in().as<float>(),
                       .m = data[i + 2].out().as<float>(),
                       .v = data[i + 3].out().as<float>(),
                       .elements = sizes[i / 4]});
  const std::array<float, 3> values = adamw_step_values(1e-3, 0.9f, 0.999f, 1);
  const double before = data[0].get(0), sign = data[1].get(0) > 0 ? 1 : -1;
  time_op(state, AdamW{.tensors = tensors, .step_values = {values.data(), {3}, Dtype::f32}},
          [&] { return near(data[0].get(0), before - sign * 1e-3, 1e-3); });
}

void global_norm(benchmark::State& state) {
  Data grad({4'900'000}, Dtype::f32, 1);
  const In view = grad.in();
  double norm = 0;
  time_op(state, GlobalNorm{.grads = {&view, 1}, .norm = {&norm, {1}, Dtype::f64}},
          [&] { return near(norm, std::sqrt(4.9e6), 100); });
}

void register_rows() {
  add_rows("rms_norm", rms_norm);
  add_rows("rms_norm_bwd", [](auto& state, Dtype dtype) { rms_norm_backward(state, dtype, false); });
  add_rows("rms_norm_bwd_dw", [](auto& state, Dtype dtype) { rms_norm_backward(state, dtype, true); });
  add_rows("layer_norm", layer_norm);
  add_rows("layer_norm_bwd", layer_norm_backward);
  add_rows("embedding", embedding);
  add_rows("embedding_bwd", embedding_backward);
  add_rows("rope", [](auto& state, Dtype dtype) { rope(state, dtype, false); });
  add_rows("rope_bwd", [](auto& state, Dtype dtype) { rope(state, dtype, true); });
  add_rows("glu_silu", [](auto& state, Dtype dtype) { glu(state, dtype, Activation::kSilu); });
  add_rows("glu_gelu_tanh", [](auto& state, Dtype dtype) { glu(state, dtype, Activation::kGeluTanh); });
  add_rows("glu_gelu_erf", [](auto& state, Dtype dtype) { glu(state, dtype, Activation::kGeluErf); });
  add_rows("glu_silu_bwd", glu_backward);
  add_rows("add", add);
  add_rows("accumulate", accumulate);
  add_rows("cast_to", cast);
  benchmark::RegisterBenchmark("adamw/f32", adamw)->Unit(benchmark::kMicrosecond)->UseRealTime();
  benchmark::RegisterBenchmark("global_norm/f32", global_norm)->Unit(benchmark::kMicrosecond)->UseRealTime();
}

[[maybe_unused]] const bool kRegistered = (register_rows(), true);

}  // namespace
}  // namespace lorica::bench

BENCHMARK_MAIN();
