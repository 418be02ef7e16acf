#include "kernels/ops/rope.h"

#include "tests/kernels/op_test.h"
#include "tests/reference/rope.h"

namespace lorica::test {
namespace {

struct Case {
  int64_t tokens, heads, d, r;
  Dtype dtype;
  int64_t table_rows = 200;
  HostTensor x = HostTensor::random({tokens, heads, d}, dtype, 1);
  // Random tables, not of unit length: a yarn factor scales them too.
  HostTensor cos = HostTensor::random({table_rows, r}, Dtype::f32, 2);
  HostTensor sin = HostTensor::random({table_rows, r}, Dtype::f32, 3);
  std::vector<int32_t> positions = make_positions();

  reference::RopeShape shape() const {
    return {static_cast<size_t>(tokens), static_cast<size_t>(heads), static_cast<size_t>(d), static_cast<size_t>(r)};
  }
  std::vector<int32_t> make_positions() const {
    std::vector<int32_t> p;
    for (int64_t t = 0; t < tokens; ++t) p.push_back(static_cast<int32_t>((t * 37 + 11) % table_rows));
    return p;
  }
  Doubles negated_sin() const {
    Doubles s = sin.values();
    for (double& v : s) v = -v;
    return s;
  }
  /// Sums of the absolute terms: the rotation of |x| by tables whose products are all positive.
  Doubles terms() const {
    Doubles first = absolute(cos.values()), second = absolute(sin.values());
    const Doubles x_abs = absolute(x.values());
    Doubles minus = second;
    for (double& v : minus) v = -v;
    const Doubles a = reference::rope(x_abs, first, minus, positions, shape());
    const Doubles b = reference::rope(x_abs, first, second, positions, shape());
    Doubles worst(a.size());
    for (size_t i = 0; i < a.size(); ++i) worst[i] = std::max(std::abs(a[i]), std::abs(b[i]));
    return worst;
  }
};

void check(Case c) {
  Context& context = context_under_test();
  const HostTensor positions = HostTensor::ints(c.positions);
  const Doubles terms = c.terms();
  const Doubles forward = reference::rope(c.x.values(), c.cos.values(), c.sin.values(), c.positions, c.shape());
  const Doubles backward = reference::rope(c.x.values(), c.cos.values(), c.negated_sin(), c.positions, c.shape());
  for (const bool inverse : {false, true}) {
    HostTensor y(c.x.shape(), c.dtype), in_place = c.x;
    Rope op{.x = c.x.in(),
            .cos = c.cos.in(),
            .sin = c.sin.in(),
            .positions = positions.in(),
            .y = y.out(),
            .inverse = inverse};
    launch(context, op);
    expect_op_close(y, inverse ? backward : forward, terms, 4);
    op.x = in_place.in(), op.y = in_place.out();
    launch(context, op);
    EXPECT_TRUE(same_bits(in_place, y));
    const HostTensor unaligned = c.x.shifted(1);
    op.x = unaligned.in();
    launch(context, op);
    EXPECT_TRUE(same_bits(in_place, y));
  }
  expect_gradient(c.x.shape(), c.dtype, backward, terms, 4, [&](const GradOut& dx) {
    launch(context,
           RopeBwd{.dy = c.x.in(), .cos = c.cos.in(), .sin = c.sin.in(), .positions = positions.in(), .dx = dx});
  });
}

TEST(Rope, AgreesWithTheReferenceAtEverySize) {
  for (Dtype dtype : kFloatDtypes)
    for (int64_t tokens : kRows) {
      for (int64_t d : {1, 7, 64, 257, 576}) check({.tokens = tokens, .heads = 3, .d = d, .r = d / 2, .dtype = dtype});
      check({.tokens = tokens, .heads = 9, .d = 64, .r = 16, .dtype = dtype});  // partial: 32 components are copied
      check({.tokens = tokens, .heads = 1, .d = 10, .r = 3, .dtype = dtype});
    }
}

TEST(Rope, GradientAgreesWithTheComplexStep) {
  Context& context = context_under_test();
  const Case c{.tokens = 3, .heads = 2, .d = 10, .r = 4, .dtype = Dtype::f32};
  const HostTensor dy = HostTensor::random({3, 2, 10}, Dtype::f32, 9), positions = HostTensor::ints(c.positions);
  HostTensor dx({3, 2, 10}, Dtype::f32);
  launch(context, RopeBwd{.dy = dy.in(),
                          .cos = c.cos.in(),
                          .sin = c.sin.in(),
                          .positions = positions.in(),
                          .dx = dx.grad(GradMode::kWrite)});
  const Doubles ref = complex_step(c.x.values(), dy.values(), [&](const std::vector<Complex>& z) {
    return reference::rope(z, c.cos.values(), c.sin.values(), c.positions, c.shape());
  });
  expect_op_close(dx, ref, Doubles(ref.size(), 4.0), 2);
}

TEST(Rope, RefusesWrongArguments) {
  HostTensor x({3, 2, 8}, Dtype::bf16), f32({3, 2, 8}, Dtype::f32), table({5, 4}, Dtype::f32), wide({5, 5}, Dtype::f32),
      flat({3, 16}, Dtype::bf16), half({5, 4}, Dtype::bf16);
  const HostTensor positions = HostTensor::ints({0, 4, 2}), two = HostTensor::ints({0, 1});
  const Rope op{.x = x.in(), .cos = table.in(), .sin = table.in(), .positions = positions.in(), .y = x.out()};
  EXPECT_NO_THROW(op.check());
  const auto with = [](auto o, auto&& change) {
    change(o);
    return o;
  };
  expect_refused(with(op, [&](auto& o) { o.x = flat.in(); }), "Rope: x: expected 3 dimensions");
  expect_refused(with(op, [&](auto& o) { o.x.dtype = Dtype::u8; }), "Rope: x: expected f32 or bf16");
  expect_refused(with(op, [&](auto& o) { o.cos = positions.in(); }), "Rope: cos: expected 2 dimensions");
  expect_refused(with(op, [&](auto& o) { o.cos = half.in(); }), "Rope: cos: expected f32");
  expect_refused(with(op, [&](auto& o) { o.cos = wide.in(); }), "Rope: cos: more columns");
  expect_refused(with(op, [&](auto& o) { o.sin = wide.in(); }), "Rope: sin: expected shape");
  expect_refused(with(op, [&](auto& o) { o.sin = half.in(); }), "Rope: sin: expected f32");
  expect_refused(with(op, [&](auto& o) { o.positions = two.in(); }), "Rope: positions: expected shape");
  expect_refused(with(op, [&](auto& o) { o.positions.dtype = Dtype::i64; }), "Rope: positions: expected i32");
  expect_refused(with(op, [&](auto& o) { o.y = flat.out(); }), "Rope: y: expected shape");
  expect_refused(with(op, [&](auto& o) { o.y = f32.out(); }), "Rope: y: expected bf16");
  const RopeBwd bwd{
      .dy = x.in(), .cos = table.in(), .sin = table.in(), .positions = positions.in(), .dx = x.grad(GradMode::kWrite)};
  EXPECT_NO_THROW(bwd.check());
  expect_refused(with(bwd, [&](auto& o) { o.dy = flat.in(); }), "RopeBwd: dy: expected 3 dimensions");
  expect_refused(with(bwd, [&](auto& o) { o.dx.tensor = f32.out(); }), "RopeBwd: dx: expected bf16");

  const HostTensor beyond = HostTensor::ints({0, 5, 2});
  EXPECT_THROW(launch_and_wait(with(op, [&](auto& o) { o.positions = beyond.in(); })), Error);
  EXPECT_THROW(launch_and_wait(with(bwd, [&](auto& o) { o.positions = beyond.in(); })), Error);
}

}  // namespace
}  // namespace lorica::test
