#include <algorithm>
#include <cmath>

#include "bench/cases.h"
#include "kernels/ops/attention.h"
#include "kernels/ops/columns.h"
#include "kernels/ops/head_loss.h"
#include "kernels/ops/lora_linear.h"

// Ops that are bound by arithmetic: TFLOP/s beside a large product is what counts.
namespace lorica::bench {
namespace {

const std::vector<Dtype> kBoth = {Dtype::f32, Dtype::bf16};
constexpr int64_t kRank = 16;

void lora(Setup& s, Dtype dtype, int64_t tokens, int64_t in, int64_t out, float dropout, bool backward) {
  const auto [w, w_back] = s.weight_both_ways(out, in, dtype);
  const Tensor x = s.random({tokens, in}, dtype);
  const Tensor a = s.random({kRank, in}, Dtype::f32, 0.05f), b = s.random({out, kRank}, Dtype::f32, 0.05f);
  const Tensor u = s.scratch({tokens, kRank}, dtype);
  const Tensor y = backward ? s.scratch({tokens, out}, dtype) : s.result({tokens, out}, dtype);
  const Dropout mask{.p = dropout, .seed = 1, .module = 2};
  const LoraLinearFwd forward{.x = x, .w = w, .a = a, .b = b, .y = y, .u = u, .scale = 2, .dropout = mask};
  if (!backward) return s.time(forward);
  s.before(forward);
  s.time(LoraLinearBwd{.dy = s.random({tokens, out}, dtype),
                       .x = x,
                       .w = w_back,
                       .a = a,
                       .b = b,
                       .u = u,
                       .dx = s.gradient({tokens, in}, dtype),
                       .da = s.gradient({kRank, in}, Dtype::f32),
                       .db = s.gradient({out, kRank}, Dtype::f32),
                       .scale = 2,
                       .dropout = mask});
}

void add_linear_cases(std::vector<Case>& cases, const std::string& model, int64_t in, int64_t out) {
  const auto add = [&](const char* op, auto build) {
    cases.push_back({op, model, fmt::format("{} -> {}", in, out), kBoth, 0, build});
  };
  add("linear", [=](Setup& s, Dtype t, int64_t n) {
    s.time(
        LinearFwd{.x = s.random({n, in}, t), .w = s.weight(out, in, t, PackFor::kForward), .y = s.result({n, out}, t)});
  });
  add("linear_bwd", [=](Setup& s, Dtype t, int64_t n) {
    s.time(LinearBwd{
        .dy = s.random({n, out}, t), .w = s.weight(out, in, t, PackFor::kBackward), .dx = s.gradient({n, in}, t)});
  });
  add("linear_weight_grad", [=](Setup& s, Dtype t, int64_t n) {
    s.time(LinearWeightGrad{
        .dy = s.random({n, out}, t), .x = s.random({n, in}, t), .dw = s.gradient({out, in}, Dtype::f32)});
  });
  add("lora_linear", [=](Setup& s, Dtype t, int64_t n) { lora(s, t, n, in, out, 0, false); });
  add("lora_linear_bwd", [=](Setup& s, Dtype t, int64_t n) { lora(s, t, n, in, out, 0, true); });
  add("lora_linear_bwd_dropout", [=](Setup& s, Dtype t, int64_t n) { lora(s, t, n, in, out, 0.1f, true); });
}

/// Every token labelled.
void head_loss(Setup& s, Dtype dtype, int64_t tokens, const ModelShape& m) {
  const auto [w, w_back] = s.weight_both_ways(m.vocabulary, m.hidden, dtype);
  std::vector<int32_t> rows, targets;
  for (int64_t t = 0; t < tokens; ++t) {
    rows.push_back(static_cast<int32_t>(t));
    targets.push_back(static_cast<int32_t>(t * 7919 % m.vocabulary));
  }
  s.time(HeadLoss{.hidden = s.random({tokens, m.hidden}, dtype),
                  .weight = w,
                  .weight_bwd = w_back,
                  .rows = s.of(rows),
                  .targets = s.of(targets),
                  .losses = s.result({tokens}, Dtype::f32),
                  .dhidden = s.gradient({tokens, m.hidden}, dtype)});
}

struct Heads {
  const char* model;
  int64_t q, kv, width;
};

void attention(Setup& s, Dtype dtype, int64_t tokens, int64_t length, const Heads& h, bool backward) {
  std::vector<int32_t> offsets;
  for (int64_t at = 0; at < tokens; at += length) offsets.push_back(static_cast<int32_t>(at));
  offsets.push_back(static_cast<int32_t>(tokens));
  const Shape wide{tokens, h.q, h.width}, narrow{tokens, h.kv, h.width};
  const Tensor q = s.random(wide, dtype), k = s.random(narrow, dtype), v = s.random(narrow, dtype);
  const Tensor documents = s.of(offsets), lse = s.scratch({h.q, tokens}, Dtype::f32);
  const Tensor o = backward ? s.scratch(wide, dtype) : s.result(wide, dtype);
  const float scale = 1 / std::sqrt(static_cast<float>(h.width));
  const AttentionFwd forward{
      .q = q, .k = k, .v = v, .cu_seqlens = documents, .o = o, .lse = lse, .scale = scale, .longest = length};
  if (!backward) return s.time(forward);
  s.before(forward);
  s.time(AttentionBwd{.do_ = s.random(wide, dtype),
                      .q = q,
                      .k = k,
                      .v = v,
                      .o = o,
                      .lse = lse,
                      .cu_seqlens = documents,
                      .dq = s.gradient(wide, dtype),
                      .dk = s.gradient(narrow, dtype),
                      .dv = s.gradient(narrow, dtype),
                      .scale = scale,
                      .longest = length});
}

/// One new token for each of `sequences` over a cache of `length` tokens.
void decode(Setup& s, Dtype dtype, int64_t sequences, int64_t length, const Heads& h) {
  std::vector<int32_t> offsets = {0}, lengths;
  for (int64_t b = 0; b < sequences; ++b) {
    offsets.push_back(static_cast<int32_t>(b + 1));
    lengths.push_back(static_cast<int32_t>(length));
  }
  const Shape cache{sequences, length, h.kv, h.width};
  s.time(AttentionCached{.q = s.random({sequences, h.q, h.width}, dtype),
                         .k_cache = s.random(cache, dtype),
                         .v_cache = s.random(cache, dtype),
                         .cu_q = s.of(offsets),
                         .kv_lens = s.of(lengths),
                         .o = s.result({sequences, h.q, h.width}, dtype),
                         .scale = 1 / std::sqrt(static_cast<float>(h.width))});
}

}  // namespace

void add_product_cases(std::vector<Case>& cases, const ModelShape& m) {
  add_linear_cases(cases, m.name, m.hidden, m.heads * m.head_dim);
  add_linear_cases(cases, m.name, m.hidden, m.intermediate);
  add_linear_cases(cases, m.name, m.intermediate, m.hidden);
  cases.push_back({"head_loss", m.name, fmt::format("{} -> {}", m.hidden, m.vocabulary), kBoth, 0,
                   [m](Setup& s, Dtype t, int64_t n) { head_loss(s, t, n, m); }});
}

void add_attention_cases(std::vector<Case>& cases, int64_t length, int64_t tokens, bool on_gpu) {
  struct Kind {
    AttentionKernel kernel;
    std::string suffix;
    std::vector<Dtype> dtypes;
  };
  std::vector<Kind> kinds = {{AttentionKernel::kAuto, "", kBoth}};
  if (on_gpu)
    kinds = {{AttentionKernel::kMma, " by mma", kBoth}, {AttentionKernel::kCudnn, " by cudnn", {Dtype::bf16}}};
  for (const Heads& h : {Heads{"Llama-3.2-1B", 32, 8, 64}, Heads{"Qwen3-0.6B", 16, 8, 128}}) {
    const std::string heads = fmt::format("{}/{} heads of {}", h.q, h.kv, h.width);
    for (const bool backward : {false, true})
      for (const Kind& kind : kinds)
        cases.push_back({(backward ? "attention_bwd" : "attention") + kind.suffix, h.model,
                         fmt::format("{}, documents of {}", heads, length), kind.dtypes, tokens,
                         [=](Setup& s, Dtype t, int64_t n) { attention(s, t, n, length, h, backward); }, kind.kernel});
    cases.push_back({"decode", h.model, fmt::format("{}, cache of {}", heads, length), kBoth, 8,
                     [=](Setup& s, Dtype t, int64_t n) { decode(s, t, std::min<int64_t>(n, 8), length, h); }});
  }
}

}  // namespace lorica::bench
