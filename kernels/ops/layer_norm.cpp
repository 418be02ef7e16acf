#include "kernels/ops/layer_norm.h"

#include "kernels/ops/cost.h"

namespace lorica {
namespace {

void check_parameter(const char* op, const char* argument, const In& parameter, const In& x) {
  expect_shape(op, argument, parameter, {x.shape[1]});
  if (parameter.dtype != Dtype::f32) expect_dtype(op, argument, parameter, x.dtype);
}

void check_input(const char* op, const In& x, const In& w) {
  expect_rank(op, "x", x, 2);
  expect_float(op, "x", x);
  expect_that(op, x.shape[1] > 0, "x: rows must not be empty");
  check_parameter(op, "w", w, x);
}

void check_row_value(const char* op, const char* argument, const In& value, const In& x) {
  expect_shape(op, argument, value, {x.shape[0]});
  expect_dtype(op, argument, value, Dtype::f32);
}

}  // namespace

void LayerNormFwd::check() const {
  const char* const op = "LayerNormFwd";
  check_input(op, x, w);
  if (b) check_parameter(op, "b", b, x);
  expect_shape(op, "y", y, x.shape);
  expect_dtype(op, "y", y, x.dtype);
  if (mean) check_row_value(op, "mean", mean, x);
  if (rstd) check_row_value(op, "rstd", rstd, x);
}

Cost LayerNormFwd::cost() const {
  return {.bytes = moved_bytes(x, w, b, y, mean, rstd), .flops = 8.0 * static_cast<double>(x.elements())};
}

void LayerNormBwd::check() const {
  const char* const op = "LayerNormBwd";
  check_input(op, x, w);
  expect_shape(op, "dy", dy, x.shape);
  expect_dtype(op, "dy", dy, x.dtype);
  check_row_value(op, "mean", mean, x);
  check_row_value(op, "rstd", rstd, x);
  expect_grad(op, "dx", dx, x.shape, x.dtype);
  expect_grad(op, "dw", dw, {x.shape[1]}, Dtype::f32);
  expect_grad(op, "db", db, {x.shape[1]}, Dtype::f32);
}

Cost LayerNormBwd::cost() const {
  const double flops = (dx ? 11.0 : 0.0) + (dw ? 4.0 : 0.0) + (db ? 1.0 : 0.0);
  return {.bytes = moved_bytes(dy, x, w, mean, rstd, dx, dw, db), .flops = flops * static_cast<double>(x.elements())};
}

}  // namespace lorica
