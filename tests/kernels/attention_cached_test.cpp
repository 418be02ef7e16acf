#include <gtest/gtest.h>
#include <omp.h>

#include "tests/kernels/attention_fixture.h"
#include "tests/support/close.h"

namespace lorica::test {
namespace {

/// Sequences with some keys in the cache and some new tokens; what lies behind kv_lens in the cache is NaN.
struct CachedRun {
  AttentionCase c;
  int64_t capacity;
  std::vector<int32_t> fresh, lens;
  HostTensor q, k_cache, v_cache, cu, kv_lens, o;
  Context& context = context_under_test();

  static std::vector<int32_t> running(const std::vector<int32_t>& counts) {
    std::vector<int32_t> sums = {0};
    for (int32_t n : counts) sums.push_back(sums.back() + n);
    return sums;
  }
  CachedRun(const AttentionCase& attention, int64_t cache_capacity, std::vector<int32_t> new_tokens,
            std::vector<int32_t> cached, Dtype dtype = Dtype::f32)
      : c(attention),
        capacity(cache_capacity),
        fresh(std::move(new_tokens)),
        lens(std::move(cached)),
        q(HostTensor::random({running(fresh).back(), c.heads, c.d}, dtype, 1)),
        k_cache(HostTensor::random({batch(), capacity, c.kv_heads, c.d}, dtype, 2)),
        v_cache(HostTensor::random({batch(), capacity, c.kv_heads, c.d}, dtype, 3)),
        cu(HostTensor::ints(running(fresh))),
        kv_lens(HostTensor::ints(lens)),
        o(q.shape(), dtype) {
    const int64_t row = c.kv_heads * c.d;
    for (int64_t b = 0; b < batch(); ++b)
      for (int64_t i = (b * capacity + lens[static_cast<size_t>(b)]) * row; i < (b + 1) * capacity * row; ++i)
        k_cache.set(static_cast<size_t>(i), NAN), v_cache.set(static_cast<size_t>(i), NAN);
  }
  int64_t batch() const { return static_cast<int64_t>(fresh.size()); }
  AttentionCached op() {
    return {.q = q.in(),
            .k_cache = k_cache.in(),
            .v_cache = v_cache.in(),
            .cu_q = cu.in(),
            .kv_lens = kv_lens.in(),
            .o = o.out(),
            .scale = static_cast<float>(c.scale),
            .window = static_cast<int>(c.window),
            .softcap = static_cast<float>(c.softcap)};
  }
  std::vector<double> reference() const {
    const auto qs = q.values(), ks = k_cache.values(), vs = v_cache.values();
    std::vector<double> result(qs.size());
    const int64_t stride = c.kv_heads * c.d;
    for (int64_t b = 0, token = 0; b < batch(); ++b)
      for (int64_t i = 0; i < fresh[static_cast<size_t>(b)]; ++i, ++token)
        for (int64_t h = 0; h < c.heads; ++h) {
          const int64_t row = (token * c.heads + h) * c.d,
                        position = lens[static_cast<size_t>(b)] - fresh[static_cast<size_t>(b)] + i;
          const int64_t kv = b * capacity * stride + h / (c.heads / c.kv_heads) * c.d;
          reference_attention_row(c, qs.data() + row, ks.data() + kv, vs.data() + kv, stride, position,
                                  result.data() + row);
        }
    return result;
  }
};

void expect_reference(CachedRun& r) {
  launch(r.context, r.op());
  EXPECT_CLOSE(r.o.values(), r.reference(), {.c = 24, .scale = 1});
}

TEST(AttentionCached, AgreesWithTheDoubleReference) {
  CachedRun decode(attention_case({1}, 9, 3, 64), 300, {1, 1, 1}, {300, 1, 77});
  expect_reference(decode);
  CachedRun mixed(attention_case({1}, 4, 2, 24), 200, {1, 0, 65, 150, 3}, {130, 50, 65, 199, 10});
  expect_reference(mixed);
  CachedRun windowed(attention_case({1}, 6, 1, 80, 33, 5.0), 200, {1, 70, 12}, {130, 190, 12});
  expect_reference(windowed);
  CachedRun odd(attention_case({1}, 3, 3, 7), 90, {1, 2}, {90, 65});
  expect_reference(odd);
}

TEST(AttentionCached, LongCachesAreReadInPieces) {
  CachedRun plain(attention_case({1}, 9, 3, 64), 1600, {1, 4, 1, 30}, {1600, 1025, 512, 513});
  expect_reference(plain);
  CachedRun windowed(attention_case({1}, 4, 2, 32, 600), 1600, {1, 9}, {1600, 1100});  // sees nothing of some pieces
  expect_reference(windowed);
}

TEST(AttentionCached, PiecesOfVeryDifferentScoresJoin) {
  CachedRun r(attention_case({1}, 2, 1, 16), 1600, {1}, {1600});
  for (int32_t key : {700, 1300})
    for (size_t i = 0; i < 16; ++i) r.k_cache.set(static_cast<size_t>(key) * 16 + i, 300 * r.q.get(i));
  launch(r.context, r.op());
  EXPECT_CLOSE(r.o.values(), r.reference(), {.c = 3000, .scale = 1});  // scores of a thousand, each known to eps
}

TEST(AttentionCached, PrefillAndDecodeEqualTheWholeSequence) {
  for (int window : {0, 40}) {
    AttentionRun whole(attention_case({150}, 6, 2, 64, window));
    whole.forward();
    const auto o = whole.o.values();
    std::vector<double> got;
    for (int32_t done = 0, fresh = 100; done < 150; done += fresh, fresh = 1) {
      CachedRun step(attention_case({1}, 6, 2, 64, window), 160, {fresh}, {done + fresh});
      for (size_t i = 0; i < static_cast<size_t>(fresh) * 384; ++i)
        step.q.set(i, whole.q.get(static_cast<size_t>(done) * 384 + i));
      for (size_t i = 0; i < static_cast<size_t>(done + fresh) * 128; ++i)
        step.k_cache.set(i, whole.k.get(i)), step.v_cache.set(i, whole.v.get(i));
      launch(step.context, step.op());
      const auto part = step.o.values();
      got.insert(got.end(), part.begin(), part.end());
    }
    EXPECT_CLOSE(got, o, {.c = 16, .scale = 1});
  }
}

TEST(AttentionCached, Bf16AgreesWithTheDoubleReference) {
  CachedRun r(attention_case({1}, 8, 2, 64), 1200, {1, 90}, {1200, 1000}, Dtype::bf16);
  launch(r.context, r.op());
  EXPECT_CLOSE(r.o.values(), r.reference(), {.dtype = Dtype::bf16, .c = 2.02, .scale = 1e-3});
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

TEST(AttentionCached, ErrorsNameOpAndArgument) {
  auto message = [](const std::vector<int32_t>& lens, auto&& change) -> std::string {
    CachedRun r(attention_case({1}, 4, 2, 16), 20, {2, 1}, {5, 5});
    HostTensor kv_lens = HostTensor::ints(lens);
    AttentionCached op = r.op();
    op.kv_lens = kv_lens.in();
    change(op);
    try {
      launch(r.context, op);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  auto nothing = [](AttentionCached&) {};
  EXPECT_EQ(message({21, 5}, nothing),
            "AttentionCached: kv_lens: expected 2 (new tokens) to 20 (capacity) at index 0, got 21");
  EXPECT_EQ(message({5, 0}, nothing),
            "AttentionCached: kv_lens: expected 1 (new tokens) to 20 (capacity) at index 1, got 0");
  EXPECT_EQ(message({5, 5}, [](AttentionCached& op) { op.v_cache.dtype = Dtype::bf16; }),
            "AttentionCached: v_cache: expected f32, got bf16");
  EXPECT_EQ(message({5, 5}, [](AttentionCached& op) { op.cu_q.shape = {2}; }),
            "AttentionCached: cu_q: expected shape [3], got [2]");
}

}  // namespace
}  // namespace lorica::test
