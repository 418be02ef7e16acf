#include <gtest/gtest.h>

#include "tests/kernels/attention_fixture.h"
#include "tests/support/close.h"

namespace lorica::test {
namespace {

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
  CachedRun full(attention_case({1}, 4, 2, 32), 70, {40, 0, 1, 30}, {69, 70, 70, 70});  // no gap between sequences
  expect_reference(full);
  CachedRun large_group(attention_case({1}, 10, 1, 36, 100), 300, {1, 3, 1}, {300, 3, 150});
  expect_reference(large_group);
  CachedRun wide(attention_case({1}, 2, 1, 516), 140, {2, 1}, {140, 7});
  expect_reference(wide);
  CachedRun wide_tiles(attention_case({1}, 2, 1, 300), 60, {50}, {60});
  expect_reference(wide_tiles);
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

void expect_bf16_reference(CachedRun&& r) {
  launch(r.context, r.op());
  // matrix units take P rounded to bf16: up to one rounding of every term of a sum that P weighs to 1
  const double scale = r.context.device == Device::kCuda ? 1 : 1e-3;
  EXPECT_CLOSE(r.o.values(), r.reference(), {.dtype = Dtype::bf16, .c = 2.02, .scale = scale});
}

TEST(AttentionCached, Bf16AgreesWithTheDoubleReference) {
  expect_bf16_reference({attention_case({1}, 8, 2, 64), 600, {1, 60}, {600, 500}, Dtype::bf16});
  expect_bf16_reference({attention_case({1}, 9, 3, 64), 400, {1, 1, 1}, {400, 1, 77}, Dtype::bf16});
  expect_bf16_reference({attention_case({1}, 4, 2, 80, 33, 5.0), 100, {40, 0, 1, 60}, {99, 50, 100, 90}, Dtype::bf16});
  expect_bf16_reference({attention_case({1}, 3, 1, 20), 150, {2, 1}, {150, 140}, Dtype::bf16});
}

TEST(AttentionCached, ErrorsNameOpAndArgument) {
  auto message = [](auto&& change) -> std::string {
    CachedRun r(attention_case({1}, 4, 2, 16), 20, {2, 1}, {5, 5});
    AttentionCached op = r.op();
    change(op);
    try {
      launch(r.context, op);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message([](AttentionCached& op) { op.v_cache.dtype = Dtype::bf16; }),
            "AttentionCached: v_cache: expected f32, got bf16");
  EXPECT_EQ(message([](AttentionCached& op) { op.cu_q.shape = {2}; }),
            "AttentionCached: cu_q: expected shape [3], got [2]");
}

}  // namespace
}  // namespace lorica::test
