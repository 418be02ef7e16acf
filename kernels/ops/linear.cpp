#include "kernels/ops/linear.h"

#include "kernels/ops/linear_check.h"

namespace lorica {

void expect_weight(const char* op, const char* argument, const WeightIn& w, PackFor direction, Dtype dtype) {
  if (w.packed) {
    if (w.packed->direction != direction)
      throw Error("{}: {}: packed for the {} pass, wanted for the other one", op, argument,
                  direction == PackFor::kForward ? "backward" : "forward");
  } else {
    expect_rank(op, argument, w.w, 2);
  }
  if (w.dtype() != dtype) throw Error("{}: {}: expected {}, got {}", op, argument, name_of(dtype), name_of(w.dtype()));
  if (w.out_features() <= 0 || w.in_features() <= 0)
    throw Error("{}: {}: expected at least one row and column, got {} and {}", op, argument, w.out_features(),
                w.in_features());
}

void expect_bias(const char* op, const In& bias, int64_t out, Dtype dtype) {
  if (!bias) return;
  expect_shape(op, "bias", bias, {out});
  if (bias.dtype != Dtype::f32) expect_dtype(op, "bias", bias, dtype);
}

void expect_like(const char* op, const char* argument, const In& view, const Shape& shape, Dtype dtype) {
  expect_shape(op, argument, view, shape);
  expect_dtype(op, argument, view, dtype);
}

double read_write_bytes(const GradOut& grad) {
  return grad ? static_cast<double>(grad.tensor.bytes()) * (grad.mode == GradMode::kAdd ? 2 : 1) : 0;
}

double weight_bytes(const WeightIn& w) {
  return static_cast<double>(w.out_features()) * static_cast<double>(w.in_features()) *
         static_cast<double>(size_of(w.dtype()));
}

double product_flops(int64_t m, int64_t n, int64_t k) {
  return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
}

void LinearFwd::check() const {
  constexpr const char* kOp = "LinearFwd";
  expect_rank(kOp, "x", x, 2);
  expect_float(kOp, "x", x);
  expect_weight(kOp, "w", w, PackFor::kForward, x.dtype);
  const int64_t rows = x.shape[0];
  expect_shape(kOp, "x", x, {rows, w.in_features()});
  expect_like(kOp, "y", y, {rows, w.out_features()}, y.dtype == Dtype::f32 && !residual ? Dtype::f32 : x.dtype);
  expect_bias(kOp, bias, w.out_features(), x.dtype);
  if (residual) expect_like(kOp, "residual", residual, y.shape, x.dtype);
}

Cost LinearFwd::cost() const {
  const double bytes = static_cast<double>(x.bytes() + bias.bytes() + residual.bytes() + y.bytes()) + weight_bytes(w);
  return {bytes, product_flops(x.shape[0], w.out_features(), w.in_features())};
}

void LinearBwd::check() const {
  constexpr const char* kOp = "LinearBwd";
  expect_rank(kOp, "dy", dy, 2);
  expect_float(kOp, "dy", dy);
  expect_weight(kOp, "w", w, PackFor::kBackward, dy.dtype);
  expect_shape(kOp, "dy", dy, {dy.shape[0], w.out_features()});
  expect_grad(kOp, "dx", dx, {dy.shape[0], w.in_features()}, dy.dtype);
}

Cost LinearBwd::cost() const {
  if (!dx) return {};
  return {static_cast<double>(dy.bytes()) + weight_bytes(w) + read_write_bytes(dx),
          product_flops(dy.shape[0], w.out_features(), w.in_features())};
}

void LinearWeightGrad::check() const {
  constexpr const char* kOp = "LinearWeightGrad";
  expect_rank(kOp, "dy", dy, 2);
  expect_float(kOp, "dy", dy);
  const int64_t rows = dy.shape[0], out = dy.shape[1];
  if (dw) {
    expect_rank(kOp, "x", x, 2);
    expect_like(kOp, "x", x, {rows, x.shape[1]}, dy.dtype);
    const int64_t in = x.shape[1];
    expect_grad(kOp, "dw", dw, layout == WeightLayout::kOutIn ? Shape{out, in} : Shape{in, out}, Dtype::f32);
  }
  expect_grad(kOp, "db", db, {out}, Dtype::f32);
}

Cost LinearWeightGrad::cost() const {
  Cost cost;
  if (!dw && !db) return cost;
  cost.bytes = static_cast<double>(dy.bytes()) + read_write_bytes(dw) + read_write_bytes(db);
  if (dw) {
    cost.bytes += static_cast<double>(x.bytes());
    cost.flops += product_flops(dy.shape[0], dy.shape[1], x.shape[1]);
  }
  if (db) cost.flops += static_cast<double>(dy.elements());
  return cost;
}

}  // namespace lorica
