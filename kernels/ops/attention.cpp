#include "kernels/ops/attention.h"

#include <algorithm>

namespace lorica {
namespace {

/// The checks that the three ops share: shapes of queries and keys, head counts, score parameters.
void check_heads(const char* op, const In& q, const In& k, const In& v, const char* k_name, const char* v_name) {
  expect_rank(op, "q", q, 3);
  expect_float(op, "q", q);
  expect_dtype(op, k_name, k, q.dtype);
  expect_dtype(op, v_name, v, q.dtype);
  expect_shape(op, v_name, v, k.shape);
  if (k.shape[-1] != q.shape[2])
    throw Error("{}: {}: expected head width {} as in q, got shape {}", op, k_name, q.shape[2], k.shape.text());
  if (q.shape[1] < 1 || q.shape[2] < 1)
    throw Error("{}: q: expected at least one head of at least one element, got {}", op, q.shape.text());
  if (k.shape[-2] < 1 || q.shape[1] % k.shape[-2] != 0)
    throw Error("{}: {}: expected a head count that divides the {} of q, got {}", op, k_name, q.shape[1], k.shape[-2]);
}

void check_score_rule(const char* op, int window, float softcap) {
  if (window < 0) throw Error("{}: window: expected 0 (none) or a positive number, got {}", op, window);
  if (!(softcap >= 0)) throw Error("{}: softcap: expected 0 (none) or a positive number, got {}", op, softcap);
}

void check_packed(const char* op, const In& q, const In& k, const In& v, const In& cu_seqlens) {
  expect_rank(op, "k", k, 3);
  check_heads(op, q, k, v, "k", "v");
  if (k.shape[0] != q.shape[0])
    throw Error("{}: k: expected {} tokens as in q, got shape {}", op, q.shape[0], k.shape.text());
  expect_rank(op, "cu_seqlens", cu_seqlens, 1);
  expect_dtype(op, "cu_seqlens", cu_seqlens, Dtype::i32);
  if (cu_seqlens.shape[0] < 1) throw Error("{}: cu_seqlens: expected at least one element, got none", op);
}

/// Pairs of a query and a key that it sees, for n documents of equal length (the least for a given number of tokens).
double visible_pairs(double tokens, double documents, int window) {
  const double length = documents > 0 ? tokens / documents : 0;
  const double w = window > 0 ? std::min<double>(window, length) : length;
  return documents * (w * (w + 1) / 2 + (length - w) * w);
}

}  // namespace

void AttentionFwd::check() const {
  constexpr const char* kOp = "AttentionFwd";
  check_packed(kOp, q, k, v, cu_seqlens);
  check_score_rule(kOp, window, softcap);
  expect_shape(kOp, "o", o, q.shape);
  expect_dtype(kOp, "o", o, q.dtype);
  if (lse) {
    expect_shape(kOp, "lse", lse, {q.shape[1], q.shape[0]});
    expect_dtype(kOp, "lse", lse, Dtype::f32);
  }
}

Cost AttentionFwd::cost() const {
  const double pairs =
      visible_pairs(static_cast<double>(q.shape[0]), static_cast<double>(cu_seqlens.shape[0] - 1), window);
  return {.bytes = static_cast<double>(q.bytes() + k.bytes() + v.bytes() + o.bytes() + lse.bytes()),
          .flops = 4 * pairs * static_cast<double>(q.shape[1] * q.shape[2])};
}

void AttentionBwd::check() const {
  constexpr const char* kOp = "AttentionBwd";
  check_packed(kOp, q, k, v, cu_seqlens);
  check_score_rule(kOp, window, softcap);
  expect_shape(kOp, "do_", do_, q.shape);
  expect_dtype(kOp, "do_", do_, q.dtype);
  expect_shape(kOp, "o", o, q.shape);
  expect_dtype(kOp, "o", o, q.dtype);
  expect_shape(kOp, "lse", lse, {q.shape[1], q.shape[0]});
  expect_dtype(kOp, "lse", lse, Dtype::f32);
  expect_grad(kOp, "dq", dq, q.shape, q.dtype);
  expect_grad(kOp, "dk", dk, k.shape, q.dtype);
  expect_grad(kOp, "dv", dv, k.shape, q.dtype);
}

Cost AttentionBwd::cost() const {
  if (!dq && !dk && !dv) return {};
  const double pairs =
      visible_pairs(static_cast<double>(q.shape[0]), static_cast<double>(cu_seqlens.shape[0] - 1), window);
  // products over pairs: the scores again, dP for dq and dk, and one for each gradient
  const int products = 1 + (dq || dk) + bool(dq) + bool(dk) + bool(dv);
  int64_t bytes = do_.bytes() + q.bytes() + k.bytes() + v.bytes() + o.bytes() + lse.bytes();
  for (const GradOut* grad : {&dq, &dk, &dv})
    if (*grad) bytes += grad->tensor.bytes() * (grad->mode == GradMode::kAdd ? 2 : 1);
  return {.bytes = static_cast<double>(bytes),
          .flops = 2 * products * pairs * static_cast<double>(q.shape[1] * q.shape[2])};
}

void AttentionCached::check() const {
  constexpr const char* kOp = "AttentionCached";
  expect_rank(kOp, "k_cache", k_cache, 4);
  check_heads(kOp, q, k_cache, v_cache, "k_cache", "v_cache");
  check_score_rule(kOp, window, softcap);
  expect_shape(kOp, "cu_q", cu_q, {k_cache.shape[0] + 1});
  expect_dtype(kOp, "cu_q", cu_q, Dtype::i32);
  expect_shape(kOp, "kv_lens", kv_lens, {k_cache.shape[0]});
  expect_dtype(kOp, "kv_lens", kv_lens, Dtype::i32);
  expect_shape(kOp, "o", o, q.shape);
  expect_dtype(kOp, "o", o, q.dtype);
}

Cost AttentionCached::cost() const {
  // kv_lens is known to the device only: every sequence is taken to fill its cache and to bring Tq / B new tokens
  const double sequences = static_cast<double>(k_cache.shape[0]), capacity = static_cast<double>(k_cache.shape[1]);
  const double per_sequence = sequences > 0 ? static_cast<double>(q.shape[0]) / sequences : 0;
  const double fresh = std::min(per_sequence, capacity);
  double pairs = sequences * (fresh * (capacity - fresh) + fresh * (fresh + 1) / 2);
  double keys = capacity;
  if (window > 0) {
    pairs = std::min(pairs, sequences * fresh * window);
    keys = std::min(keys, window + fresh - 1);
  }
  const double share = capacity > 0 ? keys / capacity : 0;
  return {.bytes = static_cast<double>(q.bytes() + o.bytes()) +
                   share * static_cast<double>(k_cache.bytes() + v_cache.bytes()),
          .flops = 4 * pairs * static_cast<double>(q.shape[1] * q.shape[2])};
}

}  // namespace lorica
