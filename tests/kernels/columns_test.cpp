#include "kernels/ops/columns.h"

#include "tests/kernels/op_test.h"

namespace lorica::test {
namespace {

struct Copy {
  int64_t rows, nx, ny, x_begin, y_begin, columns;
};
/// Whole vectors, odd begins and widths, one column, all of them, none.
constexpr Copy kCopies[] = {{3, 48, 24, 16, 8, 16},  {5, 960, 576, 576, 0, 192}, {4, 31, 40, 3, 8, 17},
                            {3, 48, 24, 16, 8, 12},  {3, 48, 24, 20, 8, 16},     {1, 1, 1, 0, 0, 1},
                            {129, 64, 64, 0, 0, 64}, {3, 16, 16, 8, 8, 0},       {2, 4100, 4100, 1, 2, 4098}};

/// y as a double loop over the definition makes it.
Doubles copied(const Copy& c, const HostTensor& x, Doubles y, bool add, bool clear_rest) {
  for (int64_t t = 0; t < c.rows; ++t)
    for (int64_t j = 0; j < c.ny; ++j) {
      double& to = y[static_cast<size_t>(t * c.ny + j)];
      const int64_t k = j - c.y_begin;
      if (k >= 0 && k < c.columns)
        to = (add ? to : 0) + x.get(static_cast<size_t>(t * c.nx + c.x_begin + k));
      else if (clear_rest)
        to = 0;
    }
  return y;
}

TEST(CopyColumns, FollowsTheDefinition) {
  Context& context = context_under_test();
  for (Dtype dtype : kFloatDtypes)
    for (const Copy& c : kCopies)
      for (const bool add : {false, true})
        for (const bool clear_rest : {false, true})
          for (const int64_t shift : {0, 1}) {
            const HostTensor x = HostTensor::random({c.rows, c.nx}, dtype, 1);
            HostTensor y = HostTensor::random({c.rows, c.ny}, dtype, 2).shifted(shift);
            const Doubles ref = copied(c, x, y.values(), add, clear_rest);
            launch(context, CopyColumns{.x = x.in(),
                                        .y = y.out(),
                                        .x_begin = c.x_begin,
                                        .y_begin = c.y_begin,
                                        .columns = c.columns,
                                        .add = add,
                                        .clear_rest = clear_rest});
            expect_op_close(y, ref, absolute(ref), 1);
          }
}

TEST(CopyColumns, RefusesWrongArguments) {
  HostTensor x({3, 8}, Dtype::bf16), f32({3, 8}, Dtype::f32), tall({4, 8}, Dtype::bf16), ids({3, 8}, Dtype::i32);
  const auto with = [](auto op, auto&& change) {
    change(op);
    return op;
  };
  const CopyColumns op{.x = x.in(), .y = x.out(), .x_begin = 4, .y_begin = 2, .columns = 4};
  EXPECT_NO_THROW(op.check());
  expect_refused(with(op, [&](auto& o) { o.x = ids.in(); }), "CopyColumns: x: expected f32 or bf16");
  expect_refused(with(op, [&](auto& o) { o.y = f32.out(); }), "CopyColumns: y: expected bf16");
  expect_refused(with(op, [&](auto& o) { o.y = tall.out(); }), "CopyColumns: x and y differ in rows");
  expect_refused(with(op, [&](auto& o) { o.x_begin = 5; }), "CopyColumns: columns outside of x");
  expect_refused(with(op, [&](auto& o) { o.y_begin = 5; }), "CopyColumns: columns outside of y");
  expect_refused(with(op, [&](auto& o) { o.x_begin = -1; }), "CopyColumns: columns outside of x");
}

TEST(CacheAppend, NewRowsGoBehindTheOldOnes) {
  Context& context = context_under_test();
  constexpr int64_t kCapacity = 7;
  const std::vector<int32_t> cu_q = {0, 3, 3, 4, 6}, kv_lens = {3, 5, 7, 4};
  const HostTensor starts = HostTensor::ints(cu_q), lengths = HostTensor::ints(kv_lens);
  for (Dtype dtype : kFloatDtypes)
    for (int64_t width : {1, 7, 64, 257})
      for (int64_t shift : {0, 1}) {
        const HostTensor x = HostTensor::random({6, 2, width}, dtype, 1).shifted(shift);
        HostTensor cache = HostTensor::random({4, kCapacity, 2, width}, dtype, 2);
        Doubles ref = cache.values();
        const auto row = static_cast<size_t>(2 * width);
        for (size_t b = 0; b < 4; ++b)
          for (int32_t t = cu_q[b]; t < cu_q[b + 1]; ++t) {
            const size_t to = b * kCapacity + static_cast<size_t>(kv_lens[b] - cu_q[b + 1] + t);
            for (size_t j = 0; j < row; ++j) ref[to * row + j] = x.get(static_cast<size_t>(t) * row + j);
          }
        launch(context, CacheAppend{.x = x.in(), .cu_q = starts.in(), .kv_lens = lengths.in(), .cache = cache.out()});
        EXPECT_EQ(cache.values(), ref);
      }
}

TEST(CacheAppend, RefusesWrongArguments) {
  HostTensor x({2, 2, 8}, Dtype::f32), cache({1, 3, 2, 8}, Dtype::f32), other({1, 3, 1, 8}, Dtype::f32);
  const HostTensor cu_q = HostTensor::ints({0, 2}), fits = HostTensor::ints({3}), full = HostTensor::ints({4}),
                   short_of_new = HostTensor::ints({1});
  const CacheAppend op{.x = x.in(), .cu_q = cu_q.in(), .kv_lens = fits.in(), .cache = cache.out()};
  const auto with = [&](auto&& change) {
    CacheAppend changed = op;
    change(changed);
    return changed;
  };
  EXPECT_NO_THROW(op.check());
  expect_refused(with([&](auto& o) { o.x = cu_q.in(); }), "CacheAppend: x: expected f32 or bf16");
  expect_refused(with([&](auto& o) { o.cache = other.out(); }), "CacheAppend: cache and x differ in heads");
  expect_refused(with([&](auto& o) { o.cu_q = fits.in(); }), "CacheAppend: cu_q: expected shape [2]");
  expect_refused(with([&](auto& o) { o.kv_lens = cu_q.in(); }), "CacheAppend: kv_lens: expected shape [1]");
  for (const HostTensor* lengths : {&full, &short_of_new})
    EXPECT_THROW(launch_and_wait(with([&](auto& o) { o.kv_lens = lengths->in(); })), Error);
}

}  // namespace
}  // namespace lorica::test
