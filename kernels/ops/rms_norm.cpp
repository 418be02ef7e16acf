#include "kernels/ops/rms_norm.h"

#include "kernels/ops/cost.h"

namespace lorica {
namespace {

void check_input(const char* op, const In& x, const In& w) {
  expect_rank(op, "x", x, 2);
  expect_float(op, "x", x);
  expect_that(op, x.shape[1] > 0, "x: rows must not be empty");
  expect_shape(op, "w", w, {x.shape[1]});
  if (w.dtype != Dtype::f32) expect_dtype(op, "w", w, x.dtype);
}

}  // namespace

void RmsNormFwd::check() const {
  const char* const op = "RmsNormFwd";
  check_input(op, x, w);
  expect_shape(op, "y", y, x.shape);
  expect_dtype(op, "y", y, x.dtype);
  if (!rstd) return;
  expect_shape(op, "rstd", rstd, {x.shape[0]});
  expect_dtype(op, "rstd", rstd, Dtype::f32);
}

Cost RmsNormFwd::cost() const {
  return {.bytes = moved_bytes(x, w, y, rstd), .flops = 4.0 * static_cast<double>(x.elements())};
}

void RmsNormBwd::check() const {
  const char* const op = "RmsNormBwd";
  check_input(op, x, w);
  expect_shape(op, "dy", dy, x.shape);
  expect_dtype(op, "dy", dy, x.dtype);
  expect_shape(op, "rstd", rstd, {x.shape[0]});
  expect_dtype(op, "rstd", rstd, Dtype::f32);
  expect_grad(op, "dx", dx, x.shape, x.dtype);
  expect_grad(op, "dw", dw, {x.shape[1]}, Dtype::f32);
}

Cost RmsNormBwd::cost() const {
  const double flops = (dx ? 8.0 : 0.0) + (dw ? 3.0 : 0.0);
  return {.bytes = moved_bytes(dy, x, w, rstd, dx, dw), .flops = flops * static_cast<double>(x.elements())};
}

}  // namespace lorica
