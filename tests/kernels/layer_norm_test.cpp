#include "kernels/ops/layer_norm.h"

#include "tests/kernels/op_test.h"
#include "tests/reference/layer_norm.h"

namespace lorica::test {
namespace {

struct Case {
  int64_t rows, d;
  Dtype dtype, w_dtype;
  float eps = 1e-5f;
  HostTensor x = HostTensor::random({rows, d}, dtype, 1, 1.5, 0.4);
  HostTensor dy = HostTensor::random({rows, d}, dtype, 2);
  HostTensor w = HostTensor::random({d}, w_dtype, 3, 0.5, 1);
  HostTensor b = HostTensor::random({d}, w_dtype, 4);
};

/// Sums of the absolute terms of (x - mean) rstd w + b.
Doubles forward_terms(const Case& c, const reference::LayerNormGrad& grad) {
  const size_t d = static_cast<size_t>(c.d);
  Doubles terms(c.x.values().size());
  for (size_t k = 0; k < terms.size(); ++k)
    terms[k] = (std::abs(c.x.get(k)) + std::abs(grad.mean[k / d])) * grad.rstd[k / d] * std::abs(c.w.get(k % d)) +
               std::abs(c.b.get(k % d));
  return terms;
}

/// The mean carries the rounding of all its terms.
Doubles mean_terms(const Case& c) {
  Doubles terms(static_cast<size_t>(c.rows));
  const size_t d = static_cast<size_t>(c.d);
  for (size_t k = 0; k < terms.size() * d; ++k) terms[k / d] += std::abs(c.x.get(k)) / static_cast<double>(c.d);
  return terms;
}

void check_forward(Case c) {
  Context& context = context_under_test();
  HostTensor y({c.rows, c.d}, c.dtype), mean({c.rows}, Dtype::f32), rstd({c.rows}, Dtype::f32);
  HostTensor plain({c.rows, c.d}, c.dtype);
  LayerNormFwd op{
      .x = c.x.in(), .w = c.w.in(), .b = c.b.in(), .y = y.out(), .mean = mean.out(), .rstd = rstd.out(), .eps = c.eps};
  launch(context, op);
  const auto grad = reference::layer_norm_grad(c.dy.values(), c.x.values(), c.w.values(), c.eps);
  const Doubles terms = forward_terms(c, grad);
  expect_op_close(y, reference::layer_norm(c.x.values(), c.w.values(), c.b.values(), c.eps), terms, row_sum_c(c.d));
  expect_op_close(mean, grad.mean, mean_terms(c), row_sum_c(c.d));
  expect_op_close(rstd, grad.rstd, grad.rstd, row_sum_c(c.d));
  op.b = {}, op.mean = {}, op.rstd = {}, op.y = plain.out();
  launch(context, op);
  expect_op_close(plain, reference::layer_norm(c.x.values(), c.w.values(), {}, c.eps), terms, row_sum_c(c.d));
}

void check_backward(Case c) {
  Context& context = context_under_test();
  const auto ref = reference::layer_norm_grad(c.dy.values(), c.x.values(), c.w.values(), c.eps);
  const HostTensor mean({c.rows}, Dtype::f32, ref.mean), rstd({c.rows}, Dtype::f32, ref.rstd);
  const LayerNormBwd op{.dy = c.dy.in(),
                        .x = c.x.in(),
                        .w = c.w.in(),
                        .mean = mean.in(),
                        .rstd = rstd.in(),
                        .dx = {},
                        .dw = {},
                        .db = {}};
  expect_gradient({c.rows, c.d}, c.dtype, ref.dx, ref.dx_terms, row_sum_c(c.d), [&](const GradOut& dx) {
    LayerNormBwd one = op;
    one.dx = dx;
    launch(context, one);
  });
  expect_gradient({c.d}, Dtype::f32, ref.dw, ref.dw_terms, row_sum_c(c.d), [&](const GradOut& dw) {
    LayerNormBwd one = op;
    one.dw = dw;
    launch(context, one);
  });
  expect_gradient({c.d}, Dtype::f32, ref.db, ref.db_terms, row_sum_c(c.d), [&](const GradOut& db) {
    HostTensor dx({c.rows, c.d}, c.dtype), dw({c.d}, Dtype::f32);
    LayerNormBwd all = op;
    all.dx = dx.grad(GradMode::kWrite), all.dw = dw.grad(GradMode::kWrite), all.db = db;
    launch(context, all);
    expect_op_close(dx, ref.dx, ref.dx_terms, row_sum_c(c.d));
    expect_op_close(dw, ref.dw, ref.dw_terms, row_sum_c(c.d));
  });
}

TEST(LayerNorm, AgreesWithTheReferenceAtEverySize) {
  for (Dtype dtype : kFloatDtypes)
    for (int64_t d : kWidths)
      for (int64_t rows : kRows) {
        SCOPED_TRACE(fmt::format("{} [{}, {}]", name_of(dtype), rows, d));
        check_forward({.rows = rows, .d = d, .dtype = dtype, .w_dtype = dtype});
        check_backward({.rows = rows, .d = d, .dtype = dtype, .w_dtype = dtype});
        check_forward({.rows = rows, .d = d, .dtype = dtype, .w_dtype = Dtype::f32});
      }
}

/// One vector more than a warp, than a warp's registers, than the registers of the largest block; and unaligned rows.
TEST(LayerNorm, WidthsAboveEachTile) {
  for (Dtype dtype : kFloatDtypes)
    for (int64_t d : {16, 136, 264, 1032, 4104, 16392}) {
      Case c{.rows = 2, .d = d, .dtype = dtype, .w_dtype = dtype};
      check_forward(c);
      check_backward(c);
      if (d > 1032) continue;
      c.dy = c.dy.shifted(1), c.b = HostTensor::random({d}, Dtype::f32, 4);
      check_forward(c);
      check_backward(c);
      c.b = c.b.shifted(1);
      check_forward(c);
    }
}

TEST(LayerNorm, GradientsAgreeWithTheComplexStep) {
  for (Dtype dtype : kFloatDtypes)
    for (int64_t d : {7, 64}) {
      const Case c{.rows = 3, .d = d, .dtype = dtype, .w_dtype = dtype};
      const Doubles x = c.x.values(), w = c.w.values(), b = c.b.values(), dy = c.dy.values();
      const auto terms = reference::layer_norm_grad(dy, x, w, c.eps);
      const HostTensor mean({3}, Dtype::f32, terms.mean), rstd({3}, Dtype::f32, terms.rstd);
      HostTensor dx({3, d}, dtype), dw({d}, Dtype::f32), db({d}, Dtype::f32);
      Context& context = context_under_test();
      launch(context, LayerNormBwd{.dy = c.dy.in(),
                                   .x = c.x.in(),
                                   .w = c.w.in(),
                                   .mean = mean.in(),
                                   .rstd = rstd.in(),
                                   .dx = dx.grad(GradMode::kWrite),
                                   .dw = dw.grad(GradMode::kWrite),
                                   .db = db.grad(GradMode::kWrite)});
      using Z = std::vector<Complex>;
      const auto zx = complex(x), zw = complex(w), zb = complex(b);
      expect_op_close(dx, complex_step(x, dy, [&](const Z& z) { return reference::layer_norm(z, zw, zb, c.eps); }),
                      terms.dx_terms, 8);
      expect_op_close(dw, complex_step(w, dy, [&](const Z& z) { return reference::layer_norm(zx, z, zb, c.eps); }),
                      terms.dw_terms, 8);
      expect_op_close(db, complex_step(b, dy, [&](const Z& z) { return reference::layer_norm(zx, zw, z, c.eps); }),
                      terms.db_terms, 8);
    }
}

TEST(LayerNorm, NanStaysInItsRow) {
  for (Dtype dtype : kFloatDtypes) {
    Case c{.rows = 3, .d = 64, .dtype = dtype, .w_dtype = dtype};
    c.x.set(64 + 5, std::nan(""));
    HostTensor y({3, 64}, dtype);
    Context& context = context_under_test();
    launch(context, LayerNormFwd{.x = c.x.in(), .w = c.w.in(), .b = {}, .y = y.out(), .mean = {}, .rstd = {}});
    for (size_t i = 0; i < 3 * 64; ++i) EXPECT_EQ(std::isnan(y.get(i)), i / 64 == 1);
  }
}

TEST(LayerNorm, RefusesWrongArguments) {
  HostTensor x({3, 8}, Dtype::bf16), w({8}, Dtype::bf16), row({3}, Dtype::f32), narrow({7}, Dtype::f32),
      f32({3, 8}, Dtype::f32), dw({8}, Dtype::f32), ids({8}, Dtype::i32);
  const LayerNormFwd fwd{.x = x.in(), .w = w.in(), .b = w.in(), .y = x.out(), .mean = row.out(), .rstd = row.out()};
  EXPECT_NO_THROW(fwd.check());
  const auto with = [](auto op, auto&& change) {
    change(op);
    return op;
  };
  expect_refused(with(fwd, [&](auto& op) { op.x = w.in(); }), "LayerNormFwd: x: expected 2 dimensions");
  expect_refused(with(fwd, [&](auto& op) { op.x.dtype = Dtype::i8; }), "LayerNormFwd: x: expected f32 or bf16");
  expect_refused(with(fwd, [&](auto& op) { op.w = narrow.in(); }), "LayerNormFwd: w: expected shape");
  expect_refused(with(fwd, [&](auto& op) { op.w = ids.in(); }), "LayerNormFwd: w: expected bf16");
  expect_refused(with(fwd, [&](auto& op) { op.b = narrow.in(); }), "LayerNormFwd: b: expected shape");
  expect_refused(with(fwd, [&](auto& op) { op.b = ids.in(); }), "LayerNormFwd: b: expected bf16");
  expect_refused(with(fwd, [&](auto& op) { op.y = f32.out(); }), "LayerNormFwd: y: expected bf16");
  expect_refused(with(fwd, [&](auto& op) { op.y = w.out(); }), "LayerNormFwd: y: expected shape");
  expect_refused(with(fwd, [&](auto& op) { op.mean = w.out(); }), "LayerNormFwd: mean: expected shape");
  expect_refused(with(fwd, [&](auto& op) { op.rstd.dtype = Dtype::bf16; }), "LayerNormFwd: rstd: expected f32");

  const LayerNormBwd bwd{.dy = x.in(),
                         .x = x.in(),
                         .w = w.in(),
                         .mean = row.in(),
                         .rstd = row.in(),
                         .dx = x.grad(GradMode::kWrite),
                         .dw = dw.grad(GradMode::kAdd),
                         .db = dw.grad(GradMode::kWrite)};
  EXPECT_NO_THROW(bwd.check());
  expect_refused(with(bwd, [&](auto& op) { op.dy = f32.in(); }), "LayerNormBwd: dy: expected bf16");
  expect_refused(with(bwd, [&](auto& op) { op.dy = w.in(); }), "LayerNormBwd: dy: expected shape");
  expect_refused(with(bwd, [&](auto& op) { op.mean = {}; }), "LayerNormBwd: mean: expected shape");
  expect_refused(with(bwd, [&](auto& op) { op.rstd = {}; }), "LayerNormBwd: rstd: expected shape");
  expect_refused(with(bwd, [&](auto& op) { op.dx.tensor = f32.out(); }), "LayerNormBwd: dx: expected bf16");
  expect_refused(with(bwd, [&](auto& op) { op.dw.tensor = w.out(); }), "LayerNormBwd: dw: expected f32");
  expect_refused(with(bwd, [&](auto& op) { op.db.tensor = narrow.out(); }), "LayerNormBwd: db: expected shape");
}

}  // namespace
}  // namespace lorica::test
