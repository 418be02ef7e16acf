#include <gtest/gtest.h>
#include <omp.h>

#include "tests/kernels/attention_fixture.h"

// What holds for attention on the CPU alone: results do not depend on the number of threads, and lengths, which only
// the CPU has at hand before it starts, are checked.
namespace lorica::test {
namespace {

TEST(Attention, SameBitsOnAnyNumberOfThreads) {
  const int threads = omp_get_max_threads();
  for (Dtype dtype : {Dtype::f32, Dtype::bf16}) {
    const AttentionCase c = attention_case({300, 7, 190}, 9, 3, 40, 150);
    omp_set_num_threads(1);
    AttentionRun one(c, dtype);
    one.forward();
    one.backward();
    for (int n : {2, 5}) {
      omp_set_num_threads(n);
      AttentionRun many(c, dtype);
      many.forward();
      many.backward();
      EXPECT_EQ(one.o.values(), many.o.values());
      EXPECT_EQ(one.lse.values(), many.lse.values());
      EXPECT_EQ(one.dq.values(), many.dq.values());
      EXPECT_EQ(one.dk.values(), many.dk.values());
      EXPECT_EQ(one.dv.values(), many.dv.values());
    }
    omp_set_num_threads(threads);
  }
}

TEST(AttentionCached, SameBitsOnAnyNumberOfThreads) {
  const int threads = omp_get_max_threads();
  std::vector<double> results[2];
  for (int n : {1, 2}) {
    omp_set_num_threads(n);
    CachedRun r(attention_case({1}, 9, 3, 64), 1600, {1, 100, 2}, {1600, 1500, 700});
    launch(r.context, r.op());
    results[n - 1] = r.o.values();
  }
  omp_set_num_threads(threads);
  EXPECT_EQ(results[0], results[1]);
}

template <class Op>
std::string message_of(Context& context, const Op& op) {
  try {
    launch(context, op);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Attention, ErrorsNameOffsets) {
  AttentionRun r(attention_case({8, 5}, 4, 2, 16));
  auto forward = [&](const std::vector<int32_t>& offsets) {
    const HostTensor cu = HostTensor::ints(offsets);
    AttentionFwd op = r.forward_op();
    op.cu_seqlens = cu.in();
    return message_of(r.context, op);
  };
  auto backward = [&](const std::vector<int32_t>& offsets) {
    const HostTensor cu = HostTensor::ints(offsets);
    AttentionBwd op = r.backward_op();
    op.cu_seqlens = cu.in();
    return message_of(r.context, op);
  };
  EXPECT_EQ(forward({0, 9, 8, 13}), "AttentionFwd: cu_seqlens: expected rising values, got 8 after 9 at index 2");
  EXPECT_EQ(forward({0, 8, 13, 13}), "no error");
  EXPECT_EQ(backward({0, 12}), "AttentionBwd: cu_seqlens: expected 13 tokens at index 1, got 12");
  EXPECT_EQ(backward({1, 13}), "AttentionBwd: cu_seqlens: expected 0 at index 0, got 1");
}

TEST(AttentionCached, ErrorsNameLengths) {
  auto message = [](std::vector<int32_t> lens) {
    CachedRun r(attention_case({1}, 4, 2, 16), 20, {2, 1}, {5, 5});
    const HostTensor kv_lens = HostTensor::ints(lens);
    AttentionCached op = r.op();
    op.kv_lens = kv_lens.in();
    return message_of(r.context, op);
  };
  EXPECT_EQ(message({21, 5}), "AttentionCached: kv_lens: expected 2 (new tokens) to 20 (capacity) at index 0, got 21");
  EXPECT_EQ(message({5, 0}), "AttentionCached: kv_lens: expected 1 (new tokens) to 20 (capacity) at index 1, got 0");
}

}  // namespace
}  // namespace lorica::test
