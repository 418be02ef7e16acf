#include "kernels/ops/sample.h"

#include "kernels/ops/cost.h"

namespace lorica {

void Sample::check() const {
  const char* const op = "Sample";
  expect_rank(op, "logits", logits, 2);
  expect_dtype(op, "logits", logits, Dtype::f32);
  expect_that(op, logits.shape[1] <= int64_t{1} << 24, "logits: more than 2^24 columns");
  const int64_t batch = logits.shape[0];
  expect_rank(op, "seen", seen, 2);
  expect_that(op, seen.shape[0] == batch, "seen and logits differ in rows");
  expect_dtype(op, "seen", seen, Dtype::i32);
  expect_shape(op, "seen_lens", seen_lens, {batch});
  expect_dtype(op, "seen_lens", seen_lens, Dtype::i32);
  expect_shape(op, "draws", draws, {batch, 2});
  expect_dtype(op, "draws", draws, Dtype::i64);
  expect_shape(op, "ids", ids, {batch});
  expect_dtype(op, "ids", ids, Dtype::i32);
}

Cost Sample::cost() const { return {.bytes = moved_bytes(logits), .flops = static_cast<double>(logits.elements())}; }

}  // namespace lorica
