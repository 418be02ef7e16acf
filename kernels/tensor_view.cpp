#include "kernels/tensor_view.h"

#include <fmt/ranges.h>

namespace lorica {

std::string Shape::text() const { return fmt::format("[{}]", fmt::join(sizes_.begin(), sizes_.begin() + rank_, ", ")); }

void refuse_dtype(Dtype dtype) { throw Error("expected f32 or bf16, got {}", name_of(dtype)); }

void expect_shape(const char* op, const char* argument, const In& view, const Shape& expected) {
  if (!(view.shape == expected))
    throw Error("{}: {}: expected shape {}, got {}", op, argument, expected.text(), view.shape.text());
}

void expect_dtype(const char* op, const char* argument, const In& view, Dtype expected) {
  if (view.dtype != expected)
    throw Error("{}: {}: expected {}, got {}", op, argument, name_of(expected), name_of(view.dtype));
}

void expect_float(const char* op, const char* argument, const In& view) {
  if (view.dtype != Dtype::f32 && view.dtype != Dtype::bf16)
    throw Error("{}: {}: expected f32 or bf16, got {}", op, argument, name_of(view.dtype));
}

void expect_rank(const char* op, const char* argument, const In& view, int rank) {
  if (view.shape.rank() != rank)
    throw Error("{}: {}: expected {} dimensions, got shape {}", op, argument, rank, view.shape.text());
}

void expect_grad(const char* op, const char* argument, const GradOut& grad, const Shape& expected, Dtype dtype) {
  if (!grad) return;
  expect_shape(op, argument, grad.tensor, expected);
  expect_dtype(op, argument, grad.tensor, dtype);
}

void expect_that(const char* op, bool condition, const char* what) {
  if (!condition) throw Error("{}: {}", op, what);
}

}  // namespace lorica
