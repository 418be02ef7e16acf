#include "kernels/ops/rope.h"

#include "kernels/ops/cost.h"

namespace lorica {
namespace {

void check_rotation(const char* op, const char* argument, const In& x, const In& cos, const In& sin,
                    const In& positions) {
  expect_rank(op, argument, x, 3);
  expect_float(op, argument, x);
  expect_rank(op, "cos", cos, 2);
  expect_dtype(op, "cos", cos, Dtype::f32);
  expect_that(op, 2 * cos.shape[1] <= x.shape[2], "cos: more columns than half of the head width");
  expect_shape(op, "sin", sin, cos.shape);
  expect_dtype(op, "sin", sin, Dtype::f32);
  expect_shape(op, "positions", positions, {x.shape[0]});
  expect_dtype(op, "positions", positions, Dtype::i32);
}

/// The table rows that are read: one a token, cos and sin.
double table_bytes(const In& cos, const In& positions) {
  return static_cast<double>(positions.elements() * cos.shape[1]) * 2 * sizeof(float);
}

double rotation_flops(const In& x, const In& cos) {
  return 6.0 * static_cast<double>(x.shape[0] * x.shape[1] * cos.shape[1]);
}

}  // namespace

void Rope::check() const {
  const char* const op = "Rope";
  check_rotation(op, "x", x, cos, sin, positions);
  expect_shape(op, "y", y, x.shape);
  expect_dtype(op, "y", y, x.dtype);
}

Cost Rope::cost() const {
  return {.bytes = moved_bytes(x, positions, y) + table_bytes(cos, positions), .flops = rotation_flops(x, cos)};
}

void RopeBwd::check() const {
  const char* const op = "RopeBwd";
  check_rotation(op, "dy", dy, cos, sin, positions);
  expect_grad(op, "dx", dx, dy.shape, dy.dtype);
}

Cost RopeBwd::cost() const {
  if (!dx) return {};
  return {.bytes = moved_bytes(dy, positions, dx) + table_bytes(cos, positions), .flops = rotation_flops(dy, cos)};
}

}  // namespace lorica
