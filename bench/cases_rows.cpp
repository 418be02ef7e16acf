#include <cmath>

#include "bench/cases.h"
#include "kernels/ops/activation.h"
#include "kernels/ops/columns.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/embedding.h"
#include "kernels/ops/layer_norm.h"
#include "kernels/ops/rms_norm.h"
#include "kernels/ops/rope.h"
#include "kernels/ops/sample.h"
#include "kernels/ops/softcap.h"

// Ops that are bound by memory: GB/s beside the speed of a copy is what counts.
namespace lorica::bench {
namespace {

const std::vector<Dtype> kBoth = {Dtype::f32, Dtype::bf16};

std::vector<int32_t> token_ids(int64_t tokens, int64_t vocabulary) {
  std::vector<int32_t> ids;
  for (int64_t t = 0; t < tokens; ++t) ids.push_back(static_cast<int32_t>(t * 7919 % vocabulary));
  return ids;
}

void rms_norm(Setup& s, Dtype dtype, int64_t tokens, int64_t width, bool backward, bool with_dw) {
  const Tensor x = s.random({tokens, width}, dtype), w = s.random({width}, dtype);
  const Tensor y = backward ? s.scratch({tokens, width}, dtype) : s.result({tokens, width}, dtype);
  const Tensor rstd = s.scratch({tokens}, Dtype::f32);
  const RmsNormFwd forward{.x = x, .w = w, .y = y, .rstd = rstd};
  if (!backward) return s.time(forward);
  s.before(forward);
  s.time(RmsNormBwd{.dy = s.random({tokens, width}, dtype),
                    .x = x,
                    .w = w,
                    .rstd = rstd,
                    .dx = s.gradient({tokens, width}, dtype),
                    .dw = with_dw ? s.gradient({width}, Dtype::f32) : GradOut{}});
}

void layer_norm(Setup& s, Dtype dtype, int64_t tokens, int64_t width, bool backward) {
  const Tensor x = s.random({tokens, width}, dtype), w = s.random({width}, dtype), b = s.random({width}, dtype);
  const Tensor y = backward ? s.scratch({tokens, width}, dtype) : s.result({tokens, width}, dtype);
  const Tensor mean = s.scratch({tokens}, Dtype::f32), rstd = s.scratch({tokens}, Dtype::f32);
  const LayerNormFwd forward{.x = x, .w = w, .b = b, .y = y, .mean = mean, .rstd = rstd};
  if (!backward) return s.time(forward);
  s.before(forward);
  s.time(LayerNormBwd{.dy = s.random({tokens, width}, dtype),
                      .x = x,
                      .w = w,
                      .mean = mean,
                      .rstd = rstd,
                      .dx = s.gradient({tokens, width}, dtype),
                      .dw = s.gradient({width}, Dtype::f32),
                      .db = s.gradient({width}, Dtype::f32)});
}

void rope(Setup& s, Dtype dtype, int64_t tokens, const ModelShape& m, bool backward) {
  const int64_t half = m.head_dim / 2;
  const Shape shape{tokens, m.heads, m.head_dim};
  std::vector<float> cosines, sines;
  std::vector<int32_t> positions;
  for (int64_t t = 0; t < tokens; ++t) {
    positions.push_back(static_cast<int32_t>(t));
    for (int64_t i = 0; i < half; ++i) {
      const double angle =
          static_cast<double>(t) * std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(half));
      cosines.push_back(static_cast<float>(std::cos(angle)));
      sines.push_back(static_cast<float>(std::sin(angle)));
    }
  }
  const Tensor x = s.random(shape, dtype);
  const Tensor cos = s.of(cosines).reshaped({tokens, half}), sin = s.of(sines).reshaped({tokens, half});
  const Tensor at = s.of(positions);
  if (backward)
    s.time(RopeBwd{.dy = x, .cos = cos, .sin = sin, .positions = at, .dx = s.gradient(shape, dtype)});
  else
    s.time(Rope{.x = x, .cos = cos, .sin = sin, .positions = at, .y = s.result(shape, dtype)});
}

void embedding(Setup& s, Dtype dtype, int64_t tokens, const ModelShape& m, bool backward) {
  const Tensor ids = s.of(token_ids(tokens, m.vocabulary));
  if (backward)
    s.time(EmbeddingBwd{.dy = s.random({tokens, m.hidden}, dtype),
                        .ids = ids,
                        .dtable = s.gradient({m.vocabulary, m.hidden}, Dtype::f32)});
  else
    s.time(EmbeddingFwd{
        .table = s.random({m.vocabulary, m.hidden}, dtype), .ids = ids, .y = s.result({tokens, m.hidden}, dtype)});
}

void add_activations(std::vector<Case>& cases, const ModelShape& m) {
  const int64_t width = m.intermediate;
  const std::string shape = fmt::format("{}", width);
  cases.push_back(
      {"swiglu", m.name, shape, kBoth, 0, [=](Setup& s, Dtype dtype, int64_t tokens) {
         const Shape each{tokens, width};
         s.time(GluFwd{.gate = s.random(each, dtype), .up = s.random(each, dtype), .y = s.result(each, dtype)});
       }});
  cases.push_back({"swiglu_bwd", m.name, shape, kBoth, 0, [=](Setup& s, Dtype dtype, int64_t tokens) {
                     const Shape each{tokens, width};
                     s.time(GluBwd{.dy = s.random(each, dtype),
                                   .gate = s.random(each, dtype),
                                   .up = s.random(each, dtype),
                                   .dgate = s.gradient(each, dtype),
                                   .dup = s.gradient(each, dtype)});
                   }});
  cases.push_back(
      {"gelu", m.name, shape, kBoth, 0, [=](Setup& s, Dtype dtype, int64_t tokens) {
         s.time(ActivationFwd{.x = s.random({tokens, width}, dtype), .y = s.result({tokens, width}, dtype)});
       }});
  cases.push_back({"gelu_bwd", m.name, shape, kBoth, 0, [=](Setup& s, Dtype dtype, int64_t tokens) {
                     s.time(ActivationBwd{.dy = s.random({tokens, width}, dtype),
                                          .x = s.random({tokens, width}, dtype),
                                          .dx = s.gradient({tokens, width}, dtype)});
                   }});
}

void add_moves(std::vector<Case>& cases, const ModelShape& m) {
  const int64_t width = m.hidden;
  const std::string shape = fmt::format("{}", width);
  cases.push_back({"add", m.name, shape, kBoth, 0, [=](Setup& s, Dtype dtype, int64_t tokens) {
                     const Shape each{tokens, width};
                     s.time(Add{.a = s.random(each, dtype), .b = s.random(each, dtype), .y = s.result(each, dtype)});
                   }});
  cases.push_back({"accumulate", m.name, shape, kBoth, 0, [=](Setup& s, Dtype dtype, int64_t tokens) {
                     s.time(Accumulate{.dy = s.random({tokens, width}, dtype),
                                       .dx = {s.random({tokens, width}, dtype), GradMode::kAdd},
                                       .scale = 0.5f});
                   }});
  cases.push_back({"cast_to", m.name, shape, kBoth, 0, [=](Setup& s, Dtype dtype, int64_t tokens) {
                     s.time(Cast{.x = s.random({tokens, width}, dtype == Dtype::f32 ? Dtype::bf16 : Dtype::f32),
                                 .y = s.result({tokens, width}, dtype)});
                   }});
  cases.push_back({"gather_rows", m.name, shape, kBoth, 0, [=](Setup& s, Dtype dtype, int64_t tokens) {
                     std::vector<int32_t> rows;
                     for (int64_t t = 0; t < tokens; t += 2) rows.push_back(static_cast<int32_t>(t));
                     s.time(GatherRows{.x = s.random({tokens, width}, dtype),
                                       .rows = s.of(rows),
                                       .y = s.result({static_cast<int64_t>(rows.size()), width}, dtype)});
                   }});
  cases.push_back({"copy_columns", m.name, shape, kBoth, 0, [=](Setup& s, Dtype dtype, int64_t tokens) {
                     s.time(CopyColumns{.x = s.random({tokens, 3 * width}, dtype),
                                        .y = s.result({tokens, width}, dtype),
                                        .x_begin = width,
                                        .columns = width});
                   }});
}

/// What generation does beside the model: logits of eight sequences.
void add_generation_cases(std::vector<Case>& cases, const ModelShape& m) {
  const std::string vocabulary = fmt::format("{}", m.vocabulary);
  const auto sample = [=](SamplingOptions how) {
    return [=](Setup& s, Dtype dtype, int64_t sequences) {
      std::vector<int64_t> draws;
      for (int64_t b = 0; b < sequences; ++b) draws.insert(draws.end(), {b, 0});
      s.time(Sample{.logits = s.random({sequences, m.vocabulary}, dtype, 3),
                    .seen = s.of(std::vector<int32_t>(static_cast<size_t>(sequences), 1)).reshaped({sequences, 1}),
                    .seen_lens = s.of(std::vector<int32_t>(static_cast<size_t>(sequences), 1)),
                    .draws = s.of(draws).reshaped({sequences, 2}),
                    .ids = s.result({sequences}, Dtype::i32),
                    .options = how});
    };
  };
  cases.push_back({"sample_greedy", m.name, vocabulary, {Dtype::f32}, 8, sample({})});
  cases.push_back({"sample_top_p", m.name, vocabulary, {Dtype::f32}, 8, sample({.temperature = 0.7, .top_p = 0.9})});
  cases.push_back({"soft_cap", m.name, vocabulary, {Dtype::f32}, 8, [=](Setup& s, Dtype dtype, int64_t rows) {
                     const Shape shape{rows, m.vocabulary};
                     s.time(SoftCap{.x = s.random(shape, dtype, 20), .y = s.result(shape, dtype), .cap = 30});
                   }});
  const std::string heads = fmt::format("{} x {}", m.kv_heads, m.head_dim);
  cases.push_back({"cache_append", m.name, heads, kBoth, 8, [=](Setup& s, Dtype dtype, int64_t sequences) {
                     std::vector<int32_t> offsets = {0};
                     for (int32_t b = 0; b < sequences; ++b) offsets.push_back(b + 1);
                     const Shape cache{sequences, 512, m.kv_heads, m.head_dim};
                     const Tensor to = s.random(cache, dtype);
                     s.compare(to);
                     s.time(CacheAppend{.x = s.random({sequences, m.kv_heads, m.head_dim}, dtype),
                                        .cu_q = s.of(offsets),
                                        .kv_lens = s.of(std::vector<int32_t>(static_cast<size_t>(sequences), 100)),
                                        .cache = to});
                   }});
}

}  // namespace

void add_row_cases(std::vector<Case>& cases, const ModelShape& m) {
  const std::string width = fmt::format("{}", m.hidden);
  const auto add = [&](const char* op, const std::string& shape, auto build) {
    cases.push_back({op, m.name, shape, kBoth, 0, build});
  };
  const int64_t d = m.hidden;
  add("rms_norm", width, [=](Setup& s, Dtype t, int64_t n) { rms_norm(s, t, n, d, false, false); });
  add("rms_norm_bwd", width, [=](Setup& s, Dtype t, int64_t n) { rms_norm(s, t, n, d, true, false); });
  add("rms_norm_bwd_dw", width, [=](Setup& s, Dtype t, int64_t n) { rms_norm(s, t, n, d, true, true); });
  add("layer_norm", width, [=](Setup& s, Dtype t, int64_t n) { layer_norm(s, t, n, d, false); });
  add("layer_norm_bwd", width, [=](Setup& s, Dtype t, int64_t n) { layer_norm(s, t, n, d, true); });
  const std::string heads = fmt::format("{} x {}", m.heads, m.head_dim);
  add("rope", heads, [=](Setup& s, Dtype t, int64_t n) { rope(s, t, n, m, false); });
  add("rope_bwd", heads, [=](Setup& s, Dtype t, int64_t n) { rope(s, t, n, m, true); });
  const std::string table = fmt::format("{} x {}", m.vocabulary, m.hidden);
  add("embedding", table, [=](Setup& s, Dtype t, int64_t n) { embedding(s, t, n, m, false); });
  add("embedding_bwd", table, [=](Setup& s, Dtype t, int64_t n) { embedding(s, t, n, m, true); });
  add_activations(cases, m);
  add_moves(cases, m);
  add_generation_cases(cases, m);
}

}  // namespace lorica::bench
