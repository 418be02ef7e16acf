#include "kernels/ops/elementwise.h"

#include "kernels/ops/cost.h"

namespace lorica {

void Add::check() const {
  const char* const op = "Add";
  expect_float(op, "a", a);
  expect_shape(op, "b", b, a.shape);
  expect_dtype(op, "b", b, a.dtype);
  expect_shape(op, "y", y, a.shape);
  expect_dtype(op, "y", y, a.dtype);
}

Cost Add::cost() const { return {.bytes = moved_bytes(a, b, y), .flops = static_cast<double>(y.elements())}; }

void Accumulate::check() const {
  const char* const op = "Accumulate";
  expect_float(op, "dy", dy);
  if (!dx) return;
  expect_float(op, "dx", dx.tensor);
  expect_shape(op, "dx", dx.tensor, dy.shape);
}

Cost Accumulate::cost() const {
  if (!dx) return {};
  return {.bytes = moved_bytes(dy, dx), .flops = 2.0 * static_cast<double>(dy.elements())};
}

void Cast::check() const {
  const char* const op = "Cast";
  expect_float(op, "x", x);
  expect_float(op, "y", y);
  expect_shape(op, "y", y, x.shape);
}

Cost Cast::cost() const { return {.bytes = moved_bytes(x, y), .flops = 0}; }

void GatherRows::check() const {
  const char* const op = "GatherRows";
  expect_rank(op, "x", x, 2);
  expect_float(op, "x", x);
  expect_rank(op, "rows", rows, 1);
  expect_dtype(op, "rows", rows, Dtype::i32);
  expect_shape(op, "y", y, {rows.shape[0], x.shape[1]});
  expect_dtype(op, "y", y, x.dtype);
}

Cost GatherRows::cost() const { return {.bytes = moved_bytes(rows, y) + moved_bytes(y), .flops = 0}; }

}  // namespace lorica
