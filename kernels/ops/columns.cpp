#include "kernels/ops/columns.h"

namespace lorica {
namespace {

int64_t row_elements(const In& view) { return view.elements() / std::max<int64_t>(view.shape[0], 1); }

}  // namespace

void CopyColumns::check() const {
  constexpr const char* kOp = "CopyColumns";
  expect_float(kOp, "x", x);
  expect_dtype(kOp, "y", y, x.dtype);
  expect_that(kOp, x.shape[0] == y.shape[0], "x and y differ in rows");
  expect_that(kOp, x_begin >= 0 && columns >= 0 && x_begin + columns <= row_elements(x), "columns outside of x");
  expect_that(kOp, y_begin >= 0 && y_begin + columns <= row_elements(y), "columns outside of y");
}

Cost CopyColumns::cost() const {
  return {static_cast<double>(x.shape[0] * columns) * static_cast<double>(size_of(x.dtype)) * (add ? 3 : 2), 0};
}

void CacheAppend::check() const {
  constexpr const char* kOp = "CacheAppend";
  expect_float(kOp, "x", x);
  expect_rank(kOp, "x", x, 3);
  expect_rank(kOp, "cache", cache, 4);
  expect_dtype(kOp, "cache", cache, x.dtype);
  expect_that(kOp, cache.shape[2] == x.shape[1] && cache.shape[3] == x.shape[2], "cache and x differ in heads");
  expect_dtype(kOp, "cu_q", cu_q, Dtype::i32);
  expect_shape(kOp, "cu_q", cu_q, {cache.shape[0] + 1});
  expect_dtype(kOp, "kv_lens", kv_lens, Dtype::i32);
  expect_shape(kOp, "kv_lens", kv_lens, {cache.shape[0]});
}

Cost CacheAppend::cost() const { return {2.0 * static_cast<double>(x.bytes()), 0}; }

}  // namespace lorica
