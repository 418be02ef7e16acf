#include "kernels/ops/rms_norm.h"

#include "tests/kernels/op_test.h"
#include "tests/reference/rms_norm.h"

namespace lorica::test {
namespace {

struct Case {
  int64_t rows, d;
  Dtype dtype, w_dtype;
  float offset;
  float eps = 1e-5f;
  HostTensor x = HostTensor::random({rows, d}, dtype, 1, 1.5);
  HostTensor dy = HostTensor::random({rows, d}, dtype, 2);
  HostTensor w = HostTensor::random({d}, w_dtype, 3, 0.5, 1);
};

void check_forward(Case c) {
  Context& context = context_under_test();
  HostTensor y({c.rows, c.d}, c.dtype), rstd({c.rows}, Dtype::f32), alone({c.rows, c.d}, c.dtype);
  RmsNormFwd op{
      .x = c.x.in(), .w = c.w.in(), .y = y.out(), .rstd = rstd.out(), .eps = c.eps, .weight_offset = c.offset};
  launch(context, op);
  const Doubles ref = reference::rms_norm(c.x.values(), c.w.values(), c.eps, c.offset);
  expect_op_close(y, ref, absolute(ref), row_sum_c(c.d));
  const auto grad = reference::rms_norm_grad(c.dy.values(), c.x.values(), c.w.values(), c.eps, c.offset);
  expect_op_close(rstd, grad.rstd, grad.rstd, row_sum_c(c.d));
  op.y = alone.out();
  op.rstd = {};
  launch(context, op);
  EXPECT_TRUE(same_bits(y, alone));
}

void check_backward(Case c) {
  Context& context = context_under_test();
  const auto ref = reference::rms_norm_grad(c.dy.values(), c.x.values(), c.w.values(), c.eps, c.offset);
  const HostTensor rstd({c.rows}, Dtype::f32, ref.rstd);
  RmsNormBwd op{
      .dy = c.dy.in(), .x = c.x.in(), .w = c.w.in(), .rstd = rstd.in(), .dx = {}, .dw = {}, .weight_offset = c.offset};
  expect_gradient({c.rows, c.d}, c.dtype, ref.dx, ref.dx_terms, row_sum_c(c.d), [&](const GradOut& dx) {
    op.dx = dx, op.dw = {};
    launch(context, op);
  });
  expect_gradient({c.d}, Dtype::f32, ref.dw, ref.dw_terms, row_sum_c(c.d), [&](const GradOut& dw) {
    HostTensor dx({c.rows, c.d}, c.dtype);
    op.dx = dx.grad(GradMode::kWrite), op.dw = dw;
    launch(context, op);
    expect_op_close(dx, ref.dx, ref.dx_terms, row_sum_c(c.d));
  });
}

TEST(RmsNorm, AgreesWithTheReferenceAtEverySize) {
  for (Dtype dtype : kFloatDtypes)
    for (int64_t d : kWidths)
      for (int64_t rows : kRows) {
        SCOPED_TRACE(fmt::format("{} [{}, {}]", name_of(dtype), rows, d));
        check_forward({.rows = rows, .d = d, .dtype = dtype, .w_dtype = dtype, .offset = 0});
        check_backward({.rows = rows, .d = d, .dtype = dtype, .w_dtype = dtype, .offset = 0});
        check_forward({.rows = rows, .d = d, .dtype = dtype, .w_dtype = Dtype::f32, .offset = 1});
        check_backward({.rows = rows, .d = d, .dtype = dtype, .w_dtype = Dtype::f32, .offset = 1});
      }
}

/// One vector more than a warp, than a warp's registers, than the registers of the largest block; and unaligned rows.
TEST(RmsNorm, WidthsAboveEachTile) {
  for (Dtype dtype : kFloatDtypes)
    for (int64_t d : {16, 136, 264, 1032, 4104, 16392}) {
      Case c{.rows = 2, .d = d, .dtype = dtype, .w_dtype = dtype, .offset = 0};
      check_forward(c);
      check_backward(c);
      if (d > 1032) continue;
      c.x = c.x.shifted(1);
      check_forward(c);
      check_backward(c);
      c.x = HostTensor::random({2, d}, dtype, 1), c.w = c.w.shifted(1);
      check_forward(c);
      check_backward(c);
    }
}

TEST(RmsNorm, ManyRowsExceedOneRangePerPiece) {
  check_backward({.rows = sizes({70000}, {1029})[0], .d = 7, .dtype = Dtype::f32, .w_dtype = Dtype::f32, .offset = 0});
}

TEST(RmsNorm, GradientsAgreeWithTheComplexStep) {
  for (Dtype dtype : kFloatDtypes)
    for (int64_t d : {1, 7, 64}) {
      const Case c{.rows = 3, .d = d, .dtype = dtype, .w_dtype = dtype, .offset = 1};
      const Doubles x = c.x.values(), w = c.w.values(), dy = c.dy.values();
      const auto terms = reference::rms_norm_grad(dy, x, w, c.eps, 1);
      const HostTensor rstd({3}, Dtype::f32, terms.rstd);
      HostTensor dx({3, d}, dtype), dw({d}, Dtype::f32);
      Context& context = context_under_test();
      launch(context, RmsNormBwd{.dy = c.dy.in(),
                                 .x = c.x.in(),
                                 .w = c.w.in(),
                                 .rstd = rstd.in(),
                                 .dx = dx.grad(GradMode::kWrite),
                                 .dw = dw.grad(GradMode::kWrite),
                                 .weight_offset = 1});
      const Doubles step_x = complex_step(
          x, dy, [&](const std::vector<Complex>& z) { return reference::rms_norm(z, complex(w), c.eps, 1); });
      const Doubles step_w = complex_step(
          w, dy, [&](const std::vector<Complex>& z) { return reference::rms_norm(complex(x), z, c.eps, 1); });
      expect_op_close(dx, step_x, terms.dx_terms, 8);
      expect_op_close(dw, step_w, terms.dw_terms, 8);
    }
}

TEST(RmsNorm, NanStaysInItsRow) {
  for (Dtype dtype : kFloatDtypes) {
    Case c{.rows = 3, .d = 64, .dtype = dtype, .w_dtype = dtype, .offset = 0};
    c.x.set(64 + 5, std::nan(""));
    HostTensor y({3, 64}, dtype);
    Context& context = context_under_test();
    launch(context, RmsNormFwd{.x = c.x.in(), .w = c.w.in(), .y = y.out(), .rstd = {}});
    for (size_t i = 0; i < 3 * 64; ++i) EXPECT_EQ(std::isnan(y.get(i)), i / 64 == 1);
  }
}

TEST(RmsNorm, RefusesWrongArguments) {
  HostTensor x({3, 8}, Dtype::bf16), w({8}, Dtype::bf16), row({3}, Dtype::f32), f32({3, 8}, Dtype::f32),
      narrow({7}, Dtype::f32), ids({8}, Dtype::i32), flat({24}, Dtype::bf16), none({3, 0}, Dtype::bf16);
  const RmsNormFwd fwd{.x = x.in(), .w = w.in(), .y = x.out(), .rstd = row.out()};
  EXPECT_NO_THROW(fwd.check());
  const auto with = [](auto op, auto&& change) {
    change(op);
    return op;
  };
  expect_refused(with(fwd, [&](auto& op) { op.x = flat.in(); }), "RmsNormFwd: x: expected 2 dimensions");
  expect_refused(with(fwd, [&](auto& op) { op.x = none.in(); }), "RmsNormFwd: x: rows must not be empty");
  expect_refused(with(fwd, [&](auto& op) { op.x.dtype = Dtype::f16; }), "RmsNormFwd: x: expected f32 or bf16");
  expect_refused(with(fwd, [&](auto& op) { op.w = narrow.in(); }), "RmsNormFwd: w: expected shape [8], got [7]");
  expect_refused(with(fwd, [&](auto& op) { op.w = ids.in(); }), "RmsNormFwd: w: expected bf16, got i32");
  expect_refused(with(fwd, [&](auto& op) { op.y = flat.out(); }), "RmsNormFwd: y: expected shape");
  expect_refused(with(fwd, [&](auto& op) { op.y = f32.out(); }), "RmsNormFwd: y: expected bf16");
  expect_refused(with(fwd, [&](auto& op) { op.rstd = w.out(); }), "RmsNormFwd: rstd: expected shape");
  expect_refused(with(fwd, [&](auto& op) { op.rstd.dtype = Dtype::bf16; }), "RmsNormFwd: rstd: expected f32");

  HostTensor dw({8}, Dtype::f32);
  const RmsNormBwd bwd{.dy = x.in(),
                       .x = x.in(),
                       .w = w.in(),
                       .rstd = row.in(),
                       .dx = x.grad(GradMode::kWrite),
                       .dw = dw.grad(GradMode::kAdd)};
  EXPECT_NO_THROW(bwd.check());
  expect_refused(with(bwd, [&](auto& op) { op.dy = flat.in(); }), "RmsNormBwd: dy: expected shape");
  expect_refused(with(bwd, [&](auto& op) { op.dy = f32.in(); }), "RmsNormBwd: dy: expected bf16");
  expect_refused(with(bwd, [&](auto& op) { op.w = narrow.in(); }), "RmsNormBwd: w: expected shape");
  expect_refused(with(bwd, [&](auto& op) { op.rstd = {}; }), "RmsNormBwd: rstd: expected shape");
  expect_refused(with(bwd, [&](auto& op) { op.rstd.dtype = Dtype::bf16; }), "RmsNormBwd: rstd: expected f32");
  expect_refused(with(bwd, [&](auto& op) { op.dx.tensor = f32.out(); }), "RmsNormBwd: dx: expected bf16");
  expect_refused(with(bwd, [&](auto& op) { op.dx.tensor = flat.out(); }), "RmsNormBwd: dx: expected shape");
  expect_refused(with(bwd, [&](auto& op) { op.dw.tensor = w.out(); }), "RmsNormBwd: dw: expected f32");
  expect_refused(with(bwd, [&](auto& op) { op.dw.tensor = narrow.out(); }), "RmsNormBwd: dw: expected shape");
}

TEST(RmsNorm, CostCountsEachTensorOnce) {
  HostTensor x({3, 8}, Dtype::bf16), w({8}, Dtype::f32), row({3}, Dtype::f32);
  EXPECT_EQ((RmsNormFwd{.x = x.in(), .w = w.in(), .y = x.out(), .rstd = row.out()}.cost().bytes), 48 + 32 + 48 + 12);
  EXPECT_EQ((RmsNormBwd{.dy = x.in(),
                        .x = x.in(),
                        .w = w.in(),
                        .rstd = row.in(),
                        .dx = x.grad(GradMode::kWrite),
                        .dw = w.grad(GradMode::kAdd)}
                 .cost()
                 .bytes),
            48 + 48 + 32 + 12 + 48 + 64);
}

}  // namespace
}  // namespace lorica::test
