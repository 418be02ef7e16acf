#include "kernels/ops/embedding.h"

#include "kernels/ops/cost.h"

namespace lorica {

void EmbeddingFwd::check() const {
  const char* const op = "EmbeddingFwd";
  expect_rank(op, "table", table, 2);
  expect_float(op, "table", table);
  expect_rank(op, "ids", ids, 1);
  expect_dtype(op, "ids", ids, Dtype::i32);
  expect_shape(op, "y", y, {ids.shape[0], table.shape[1]});
  expect_float(op, "y", y);
}

Cost EmbeddingFwd::cost() const {
  const double n = static_cast<double>(y.elements());
  return {.bytes = moved_bytes(ids, y) + n * static_cast<double>(size_of(table.dtype)), .flops = scale == 1 ? 0 : n};
}

void EmbeddingBwd::check() const {
  const char* const op = "EmbeddingBwd";
  expect_rank(op, "dy", dy, 2);
  expect_float(op, "dy", dy);
  expect_shape(op, "ids", ids, {dy.shape[0]});
  expect_dtype(op, "ids", ids, Dtype::i32);
  if (!dtable) return;
  expect_rank(op, "dtable", dtable.tensor, 2);
  expect_grad(op, "dtable", dtable, {dtable.tensor.shape[0], dy.shape[1]}, Dtype::f32);
}

Cost EmbeddingBwd::cost() const {
  if (!dtable) return {};
  const double n = static_cast<double>(dy.elements());
  const double cleared = dtable.mode == GradMode::kWrite ? static_cast<double>(dtable.tensor.bytes()) : 0;
  return {.bytes = moved_bytes(dy, ids) + 2 * n * sizeof(float) + cleared, .flops = 2 * n};
}

}  // namespace lorica
