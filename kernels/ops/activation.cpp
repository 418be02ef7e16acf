#include "kernels/ops/activation.h"

#include "kernels/ops/cost.h"

namespace lorica {
namespace {

void check_first(const char* op, const char* argument, const In& x) {
  expect_rank(op, argument, x, 2);
  expect_float(op, argument, x);
}

void check_like(const char* op, const char* argument, const In& view, const In& first) {
  expect_shape(op, argument, view, first.shape);
  expect_dtype(op, argument, view, first.dtype);
}

/// Counted as one an operation, the exponential as 12.
constexpr double kActivationFlops = 16;

}  // namespace

void GluFwd::check() const {
  const char* const op = "GluFwd";
  check_first(op, "gate", gate);
  check_like(op, "up", up, gate);
  check_like(op, "y", y, gate);
}

Cost GluFwd::cost() const {
  return {.bytes = moved_bytes(gate, up, y), .flops = (kActivationFlops + 1) * static_cast<double>(y.elements())};
}

void GluBwd::check() const {
  const char* const op = "GluBwd";
  check_first(op, "gate", gate);
  check_like(op, "up", up, gate);
  check_like(op, "dy", dy, gate);
  expect_grad(op, "dgate", dgate, gate.shape, gate.dtype);
  expect_grad(op, "dup", dup, gate.shape, gate.dtype);
}

Cost GluBwd::cost() const {
  const double flops = kActivationFlops + (dgate ? 6.0 : 0.0) + (dup ? 1.0 : 0.0);
  return {.bytes = moved_bytes(dy, gate, up, dgate, dup), .flops = flops * static_cast<double>(dy.elements())};
}

void ActivationFwd::check() const {
  const char* const op = "ActivationFwd";
  check_first(op, "x", x);
  check_like(op, "y", y, x);
}

Cost ActivationFwd::cost() const {
  return {.bytes = moved_bytes(x, y), .flops = kActivationFlops * static_cast<double>(x.elements())};
}

void ActivationBwd::check() const {
  const char* const op = "ActivationBwd";
  check_first(op, "x", x);
  check_like(op, "dy", dy, x);
  expect_grad(op, "dx", dx, x.shape, x.dtype);
}

Cost ActivationBwd::cost() const {
  return {.bytes = moved_bytes(dy, x, dx), .flops = (kActivationFlops + 5) * static_cast<double>(x.elements())};
}

}  // namespace lorica
