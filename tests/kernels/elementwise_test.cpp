#include "kernels/ops/elementwise.h"

#include "tests/kernels/op_test.h"

namespace lorica::test {
namespace {

TEST(Add, AgreesWithTheSumAtEverySize) {
  Context& context = context_under_test();
  for (Dtype dtype : kFloatDtypes)
    for (int64_t d : kWidths)
      for (int64_t rows : kRows) {
        const HostTensor a = HostTensor::random({rows, d}, dtype, 1), b = HostTensor::random({rows, d}, dtype, 2);
        HostTensor y({rows, d}, dtype), in_a = a, in_b = b;
        launch(context, Add{.a = a.in(), .b = b.in(), .y = y.out()});
        Doubles ref = a.values();
        for (size_t i = 0; i < ref.size(); ++i) ref[i] += b.get(i);
        expect_op_close(y, ref, absolute(ref), 1);
        launch(context, Add{.a = in_a.in(), .b = b.in(), .y = in_a.out()});
        launch(context, Add{.a = a.in(), .b = in_b.in(), .y = in_b.out()});
        EXPECT_TRUE(same_bits(in_a, y));
        EXPECT_TRUE(same_bits(in_b, y));
      }
}

/// Each of the three once off the multiples of 16 bytes; the lengths end within a vector and within a block.
TEST(Add, AddressesNeedNoAlignment) {
  Context& context = context_under_test();
  for (Dtype dtype : kFloatDtypes)
    for (int64_t n : {8, 16, 1024, 2056, 4103})
      for (int64_t which = 0; which < 4; ++which) {
        const HostTensor a = HostTensor::random({n}, dtype, 1).shifted(which == 0);
        const HostTensor b = HostTensor::random({n}, dtype, 2).shifted(which == 1);
        HostTensor y = HostTensor({n}, dtype).shifted(which == 2);
        launch(context, Add{.a = a.in(), .b = b.in(), .y = y.out()});
        Doubles ref = a.values();
        for (size_t i = 0; i < ref.size(); ++i) ref[i] += b.get(i);
        expect_op_close(y, ref, absolute(ref), 1);
      }
}

TEST(Accumulate, WritesOrAddsAtEverySize) {
  Context& context = context_under_test();
  for (Dtype from : kFloatDtypes)
    for (Dtype to : kFloatDtypes)
      for (int64_t d : kWidths)
        for (int64_t rows : kRows) {
          const HostTensor dy = HostTensor::random({rows, d}, from, 1);
          Doubles ref = dy.values();
          for (double& v : ref) v *= -0.375;
          expect_gradient({rows, d}, to, ref, absolute(ref), 2, [&](const GradOut& dx) {
            launch(context, Accumulate{.dy = dy.in(), .dx = dx, .scale = -0.375f});
          });
        }
}

TEST(Cast, RoundsToNearestEvenAndKeepsNan) {
  Context& context = context_under_test();
  for (Dtype from : kFloatDtypes)
    for (Dtype to : kFloatDtypes)
      for (int64_t d : kWidths) {
        HostTensor x = HostTensor::random({3, d}, from, 1, 100), y({3, d}, to);
        x.set(1, std::nan("")), x.set(2, HUGE_VAL), x.set(0, 1.0 + 0x1p-8);
        launch(context, Cast{.x = x.in(), .y = y.out()});
        HostTensor expected({3, d}, to, x.values());  // rounds through the bf16 constructor, one at a time
        for (size_t i = 0; i < x.values().size(); ++i)
          EXPECT_TRUE(y.get(i) == expected.get(i) || (std::isnan(y.get(i)) && std::isnan(x.get(i)))) << i;
        EXPECT_TRUE(std::isnan(y.get(1)));
      }
}

/// Every NaN of f32, also those whose set bits lie below the half that bf16 keeps.
TEST(Cast, EveryKindOfNanStaysNan) {
  Context& context = context_under_test();
  HostTensor x({1, 64}, Dtype::f32), y({1, 64}, Dtype::bf16);
  for (uint32_t i = 0; i < 64; ++i) {
    const uint32_t bits = (i % 2 ? 0xff800000u : 0x7f800000u) | (i / 2 < 23 ? 1u << (i / 2) : 0x7fffffu);
    std::memcpy(x.out().as<float>() + i, &bits, 4);
  }
  launch(context, Cast{.x = x.in(), .y = y.out()});
  for (size_t i = 0; i < 64; ++i) EXPECT_TRUE(std::isnan(y.get(i))) << i;
}

TEST(GatherRows, CopiesTheNamedRows) {
  Context& context = context_under_test();
  for (Dtype dtype : kFloatDtypes)
    for (int64_t d : kWidths) {
      const HostTensor x = HostTensor::random({11, d}, dtype, 1);
      const std::vector<int32_t> rows = {10, 0, 3, 3, 7};
      const HostTensor numbers = HostTensor::ints(rows);
      HostTensor y({5, d}, dtype), unaligned = y.shifted(1);
      launch(context, GatherRows{.x = x.in(), .rows = numbers.in(), .y = y.out()});
      launch(context, GatherRows{.x = x.shifted(1).in(), .rows = numbers.in(), .y = unaligned.out()});
      EXPECT_TRUE(same_bits(unaligned, y));
      const size_t width = static_cast<size_t>(d);
      for (size_t i = 0; i < 5 * width; ++i)
        ASSERT_EQ(y.get(i), x.get(static_cast<size_t>(rows[i / width]) * width + i % width));
    }
}

TEST(Elementwise, RefusesWrongArguments) {
  HostTensor x({3, 8}, Dtype::bf16), f32({3, 8}, Dtype::f32), wide({3, 9}, Dtype::bf16), ids({3}, Dtype::i32);
  const auto with = [](auto op, auto&& change) {
    change(op);
    return op;
  };
  const Add add{.a = x.in(), .b = x.in(), .y = x.out()};
  expect_refused(with(add, [&](auto& op) { op.a = ids.in(); }), "Add: a: expected f32 or bf16");
  expect_refused(with(add, [&](auto& op) { op.b = wide.in(); }), "Add: b: expected shape");
  expect_refused(with(add, [&](auto& op) { op.b = f32.in(); }), "Add: b: expected bf16");
  expect_refused(with(add, [&](auto& op) { op.y = wide.out(); }), "Add: y: expected shape");
  expect_refused(with(add, [&](auto& op) { op.y = f32.out(); }), "Add: y: expected bf16");
  const Accumulate accumulate{.dy = x.in(), .dx = f32.grad(GradMode::kAdd)};
  EXPECT_NO_THROW(accumulate.check());
  expect_refused(with(accumulate, [&](auto& op) { op.dy = ids.in(); }), "Accumulate: dy: expected f32 or bf16");
  expect_refused(with(accumulate, [&](auto& op) { op.dx.tensor = wide.out(); }), "Accumulate: dx: expected shape");
  expect_refused(with(accumulate, [&](auto& op) { op.dx.tensor = ids.out(); }), "Accumulate: dx: expected f32 or bf16");
  const Cast cast{.x = x.in(), .y = f32.out()};
  EXPECT_NO_THROW(cast.check());
  expect_refused(with(cast, [&](auto& op) { op.x = ids.in(); }), "Cast: x: expected f32 or bf16");
  expect_refused(with(cast, [&](auto& op) { op.y = ids.out(); }), "Cast: y: expected f32 or bf16");
  expect_refused(with(cast, [&](auto& op) { op.y = wide.out(); }), "Cast: y: expected shape");
  const HostTensor rows = HostTensor::ints({0, 1, 2}), beyond = HostTensor::ints({0, 3, 1});
  HostTensor y({3, 8}, Dtype::bf16);
  const GatherRows gather{.x = x.in(), .rows = rows.in(), .y = y.out()};
  EXPECT_NO_THROW(gather.check());
  expect_refused(with(gather, [&](auto& op) { op.x = rows.in(); }), "GatherRows: x: expected 2 dimensions");
  expect_refused(with(gather, [&](auto& op) { op.rows = x.in(); }), "GatherRows: rows: expected 1 dimensions");
  expect_refused(with(gather, [&](auto& op) { op.rows.dtype = Dtype::f32; }), "GatherRows: rows: expected i32");
  expect_refused(with(gather, [&](auto& op) { op.y = wide.out(); }), "GatherRows: y: expected shape");
  expect_refused(with(gather, [&](auto& op) { op.y = f32.out(); }), "GatherRows: y: expected bf16");
  EXPECT_THROW(launch_and_wait(with(gather, [&](auto& op) { op.rows = beyond.in(); })), Error);
}

}  // namespace
}  // namespace lorica::test
