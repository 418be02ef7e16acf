#include "kernels/ops/lora_linear.h"

#include "kernels/ops/linear_check.h"

namespace lorica {
namespace {

/// 0 <= p < 1, stream empty or i64 [1].
void expect_dropout(const char* op, const Dropout& dropout) {
  if (!(dropout.p >= 0 && dropout.p < 1))
    throw Error("{}: dropout.p: expected at least 0 and less than 1, got {}", op, dropout.p);
  if (dropout.stream) expect_like(op, "dropout.stream", dropout.stream, {1}, Dtype::i64);
}

/// A [r, in] and B [out, r], f32, for a weight [out, in].
void expect_adapter(const char* op, const In& a, const In& b, const WeightIn& w) {
  expect_rank(op, "a", a, 2);
  if (a.shape[0] <= 0) throw Error("{}: a: expected a rank of at least 1, got shape {}", op, a.shape.text());
  expect_like(op, "a", a, {a.shape[0], w.in_features()}, Dtype::f32);
  expect_like(op, "b", b, {w.out_features(), a.shape[0]}, Dtype::f32);
}

}  // namespace

void LoraLinearFwd::check() const {
  constexpr const char* kOp = "LoraLinearFwd";
  expect_rank(kOp, "x", x, 2);
  expect_float(kOp, "x", x);
  expect_weight(kOp, "w", w, PackFor::kForward, x.dtype);
  const int64_t rows = x.shape[0];
  expect_shape(kOp, "x", x, {rows, w.in_features()});
  expect_adapter(kOp, a, b, w);
  expect_like(kOp, "y", y, {rows, w.out_features()}, x.dtype);
  if (u) expect_like(kOp, "u", u, {rows, a.shape[0]}, x.dtype);
  expect_bias(kOp, bias, w.out_features(), x.dtype);
  if (residual) expect_like(kOp, "residual", residual, y.shape, x.dtype);
  expect_dropout(kOp, dropout);
}

Cost LoraLinearFwd::cost() const {
  const LinearFwd base{.x = x, .w = w, .bias = bias, .residual = residual, .y = y};
  Cost cost = base.cost();
  cost.bytes += static_cast<double>(a.bytes() + b.bytes() + u.bytes());
  cost.flops += product_flops(x.shape[0], a.shape[0], w.in_features() + w.out_features());
  return cost;
}

void LoraLinearBwd::check() const {
  constexpr const char* kOp = "LoraLinearBwd";
  expect_rank(kOp, "dy", dy, 2);
  expect_float(kOp, "dy", dy);
  expect_weight(kOp, "w", w, PackFor::kBackward, dy.dtype);
  const int64_t rows = dy.shape[0];
  expect_shape(kOp, "dy", dy, {rows, w.out_features()});
  expect_adapter(kOp, a, b, w);
  if (da) expect_like(kOp, "x", x, {rows, w.in_features()}, dy.dtype);
  if (db) expect_like(kOp, "u", u, {rows, a.shape[0]}, dy.dtype);
  expect_grad(kOp, "dx", dx, {rows, w.in_features()}, dy.dtype);
  expect_grad(kOp, "da", da, a.shape, Dtype::f32);
  expect_grad(kOp, "db", db, b.shape, Dtype::f32);
  expect_dropout(kOp, dropout);
}

Cost LoraLinearBwd::cost() const {
  const int64_t rows = dy.shape[0], rank = a.shape[0], in = w.in_features(), out = w.out_features();
  Cost cost;
  if (!dx && !da && !db) return cost;
  cost.bytes = static_cast<double>(dy.bytes()) + read_write_bytes(dx) + read_write_bytes(da) + read_write_bytes(db);
  if (dx) {
    cost.bytes += weight_bytes(w) + static_cast<double>(a.bytes());
    cost.flops += product_flops(rows, in, out) + product_flops(rows, in, rank);
  }
  if (dx || da) {
    cost.bytes += static_cast<double>(b.bytes());
    cost.flops += product_flops(rows, rank, out);
  }
  if (da) {
    cost.bytes += static_cast<double>(x.bytes());
    cost.flops += product_flops(rank, in, rows);
  }
  if (db) {
    cost.bytes += static_cast<double>(u.bytes());
    cost.flops += product_flops(rank, out, rows);
  }
  return cost;
}

}  // namespace lorica
