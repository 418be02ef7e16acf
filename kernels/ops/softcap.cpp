#include "kernels/ops/softcap.h"

#include "kernels/ops/cost.h"

namespace lorica {

void SoftCap::check() const {
  const char* const op = "SoftCap";
  expect_dtype(op, "x", x, Dtype::f32);
  expect_shape(op, "y", y, x.shape);
  expect_dtype(op, "y", y, Dtype::f32);
  expect_that(op, cap > 0, "cap: must be positive");
}

Cost SoftCap::cost() const { return {.bytes = moved_bytes(x, y), .flops = 10.0 * static_cast<double>(y.elements())}; }

}  // namespace lorica
