#include "kernels/ops/activation.h"

#include "tests/kernels/op_test.h"
#include "tests/reference/activation.h"

namespace lorica::test {
namespace {

constexpr Activation kActivations[] = {Activation::kSilu, Activation::kGeluTanh, Activation::kGeluErf};

Doubles mapped(const Doubles& x, auto&& f) {
  Doubles y;
  for (double v : x) y.push_back(f(v));
  return y;
}
Doubles times(Doubles a, const Doubles& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] *= b[i];
  return a;
}

struct Case {
  int64_t rows, d;
  Dtype dtype;
  Activation activation;
  HostTensor gate = HostTensor::random({rows, d}, dtype, 1, 2.5);
  HostTensor up = HostTensor::random({rows, d}, dtype, 2);
  HostTensor dy = HostTensor::random({rows, d}, dtype, 3);
  Doubles value() const {
    return mapped(gate.values(), [&](double x) { return reference::activate(activation, x); });
  }
  Doubles slope() const {
    return mapped(gate.values(), [&](double x) { return reference::activation_slope(activation, x); });
  }
  /// Value and slope are built from terms of the order of x and 1.
  Doubles value_terms() const { return absolute(gate.values()); }
  Doubles slope_terms() const {
    return mapped(gate.values(), [](double x) { return 1 + std::abs(x); });
  }
};

void check(Case c) {
  Context& context = context_under_test();
  const Shape shape{c.rows, c.d};
  const Doubles dy = c.dy.values(), up = c.up.values(), value = c.value(), slope = c.slope();
  HostTensor y(shape, c.dtype), z(shape, c.dtype);
  launch(context, GluFwd{.gate = c.gate.in(), .up = c.up.in(), .y = y.out(), .activation = c.activation});
  expect_op_close(y, times(value, up), times(c.value_terms(), absolute(up)), 8);
  launch(context, ActivationFwd{.x = c.gate.in(), .y = z.out(), .activation = c.activation});
  expect_op_close(z, value, c.value_terms(), 8);

  const Doubles dgate = times(times(dy, up), slope), dup = times(dy, value);
  const Doubles dgate_terms = absolute(times(times(dy, up), c.slope_terms()));
  const Doubles dup_terms = absolute(times(dy, c.value_terms()));
  GluBwd op{.dy = c.dy.in(), .gate = c.gate.in(), .up = c.up.in(), .dgate = {}, .dup = {}, .activation = c.activation};
  expect_gradient(shape, c.dtype, dgate, dgate_terms, 8, [&](const GradOut& grad) {
    op.dgate = grad, op.dup = {};
    launch(context, op);
  });
  expect_gradient(shape, c.dtype, dup, dup_terms, 8, [&](const GradOut& grad) {
    HostTensor other(shape, c.dtype);
    op.dgate = other.grad(GradMode::kWrite), op.dup = grad;
    launch(context, op);
    expect_op_close(other, dgate, dgate_terms, 8);
  });
  expect_gradient(shape, c.dtype, times(dy, slope), absolute(times(dy, c.slope_terms())), 8, [&](const GradOut& grad) {
    launch(context, ActivationBwd{.dy = c.dy.in(), .x = c.gate.in(), .dx = grad, .activation = c.activation});
  });
}

TEST(Activation, AgreesWithTheReferenceAtEverySize) {
  for (Activation activation : kActivations)
    for (Dtype dtype : kFloatDtypes)
      for (int64_t d : kWidths)
        for (int64_t rows : kRows) {
          SCOPED_TRACE(fmt::format("activation {} {} [{}, {}]", static_cast<int>(activation), name_of(dtype), rows, d));
          check({.rows = rows, .d = d, .dtype = dtype, .activation = activation});
        }
}

TEST(Activation, AddressesNeedNoAlignment) {
  for (Dtype dtype : kFloatDtypes) {
    Case c{.rows = 3, .d = 712, .dtype = dtype, .activation = Activation::kSilu};
    c.gate = c.gate.shifted(1);
    check(c);
    c.gate = HostTensor::random({3, 712}, dtype, 1, 2.5), c.up = c.up.shifted(1);
    check(c);
  }
}

TEST(Activation, GradientsAgreeWithTheComplexStep) {
  Context& context = context_under_test();
  for (Activation activation : kActivations) {
    Case c{.rows = 3, .d = 37, .dtype = Dtype::f32, .activation = activation};
    c.gate = HostTensor::random({3, 37}, Dtype::f32, 1, 1.2);  // the reference's erf series ends at 4
    const Doubles gate = c.gate.values(), up = c.up.values(), dy = c.dy.values();
    HostTensor dgate({3, 37}, Dtype::f32), dup({3, 37}, Dtype::f32), dx({3, 37}, Dtype::f32);
    launch(context, GluBwd{.dy = c.dy.in(),
                           .gate = c.gate.in(),
                           .up = c.up.in(),
                           .dgate = dgate.grad(GradMode::kWrite),
                           .dup = dup.grad(GradMode::kWrite),
                           .activation = activation});
    launch(context,
           ActivationBwd{.dy = c.dy.in(), .x = c.gate.in(), .dx = dx.grad(GradMode::kWrite), .activation = activation});
    using Z = std::vector<Complex>;
    const Doubles terms = absolute(times(dy, c.slope_terms()));
    expect_op_close(dgate,
                    complex_step(gate, dy, [&](const Z& z) { return reference::glu(activation, z, complex(up)); }),
                    times(terms, absolute(up)), 8);
    expect_op_close(dup, complex_step(up, dy, [&](const Z& z) { return reference::glu(activation, complex(gate), z); }),
                    terms, 8);
    const Z ones(gate.size(), 1.0);
    expect_op_close(dx, complex_step(gate, dy, [&](const Z& z) { return reference::glu(activation, z, ones); }), terms,
                    8);
  }
}

TEST(Activation, ExtremeValuesStayFinite) {
  Context& context = context_under_test();
  const Doubles x = {-1e30, -1e4, -100, -50, -20, -0.0, 0.0, 20, 50, 100, 1e4, 1e30};
  const Doubles expected = {0, 0, 0, 0, 0, 0, 0, 20, 50, 100, 1e4, 1e30};
  const Shape shape{1, static_cast<int64_t>(x.size())};
  for (Activation activation : kActivations)
    for (Dtype dtype : kFloatDtypes) {
      const HostTensor in(shape, dtype, x), ones(shape, dtype, Doubles(x.size(), 1.0));
      HostTensor y(shape, dtype), dx(shape, dtype);
      launch(context, ActivationFwd{.x = in.in(), .y = y.out(), .activation = activation});
      launch(context,
             ActivationBwd{.dy = ones.in(), .x = in.in(), .dx = dx.grad(GradMode::kWrite), .activation = activation});
      for (size_t i = 0; i < x.size(); ++i) {
        EXPECT_NEAR(y.get(i), expected[i], std::abs(expected[i]) * 0x1p-8 + 1e-7) << x[i];
        EXPECT_NEAR(dx.get(i), x[i] == 0 ? 0.5 : (x[i] > 0 ? 1.0 : 0.0), 1e-6) << x[i];
      }
    }
}

TEST(Activation, NanInGivesNanOut) {
  Context& context = context_under_test();
  for (Activation activation : kActivations)
    for (Dtype dtype : kFloatDtypes) {
      HostTensor x = HostTensor::random({1, 70}, dtype, 1), y({1, 70}, dtype), dx({1, 70}, dtype);
      const HostTensor ones({1, 70}, dtype, Doubles(70, 1.0));
      x.set(3, std::nan("")), x.set(68, -std::nan(""));
      launch(context, ActivationFwd{.x = x.in(), .y = y.out(), .activation = activation});
      launch(context,
             ActivationBwd{.dy = ones.in(), .x = x.in(), .dx = dx.grad(GradMode::kWrite), .activation = activation});
      for (size_t i = 0; i < 70; ++i) {
        EXPECT_EQ(std::isnan(y.get(i)), i == 3 || i == 68);
        EXPECT_EQ(std::isnan(dx.get(i)), i == 3 || i == 68);
      }
    }
}

TEST(Activation, RefusesWrongArguments) {
  HostTensor x({3, 8}, Dtype::bf16), f32({3, 8}, Dtype::f32), wide({3, 9}, Dtype::bf16), flat({24}, Dtype::bf16);
  const auto with = [](auto op, auto&& change) {
    change(op);
    return op;
  };
  const GluFwd glu{.gate = x.in(), .up = x.in(), .y = x.out()};
  EXPECT_NO_THROW(glu.check());
  expect_refused(with(glu, [&](auto& op) { op.gate = flat.in(); }), "GluFwd: gate: expected 2 dimensions");
  expect_refused(with(glu, [&](auto& op) { op.gate.dtype = Dtype::i32; }), "GluFwd: gate: expected f32 or bf16");
  expect_refused(with(glu, [&](auto& op) { op.up = wide.in(); }), "GluFwd: up: expected shape");
  expect_refused(with(glu, [&](auto& op) { op.up = f32.in(); }), "GluFwd: up: expected bf16");
  expect_refused(with(glu, [&](auto& op) { op.y = f32.out(); }), "GluFwd: y: expected bf16");
  const GluBwd bwd{
      .dy = x.in(), .gate = x.in(), .up = x.in(), .dgate = x.grad(GradMode::kWrite), .dup = x.grad(GradMode::kAdd)};
  EXPECT_NO_THROW(bwd.check());
  expect_refused(with(bwd, [&](auto& op) { op.dy = f32.in(); }), "GluBwd: dy: expected bf16");
  expect_refused(with(bwd, [&](auto& op) { op.up = wide.in(); }), "GluBwd: up: expected shape");
  expect_refused(with(bwd, [&](auto& op) { op.dgate.tensor = wide.out(); }), "GluBwd: dgate: expected shape");
  expect_refused(with(bwd, [&](auto& op) { op.dup.tensor = f32.out(); }), "GluBwd: dup: expected bf16");
  const ActivationFwd act{.x = x.in(), .y = x.out()};
  expect_refused(with(act, [&](auto& op) { op.x = flat.in(); }), "ActivationFwd: x: expected 2 dimensions");
  expect_refused(with(act, [&](auto& op) { op.y = wide.out(); }), "ActivationFwd: y: expected shape");
  const ActivationBwd act_bwd{.dy = x.in(), .x = x.in(), .dx = x.grad(GradMode::kWrite)};
  expect_refused(with(act_bwd, [&](auto& op) { op.dy = wide.in(); }), "ActivationBwd: dy: expected shape");
  expect_refused(with(act_bwd, [&](auto& op) { op.dx.tensor = f32.out(); }), "ActivationBwd: dx: expected bf16");
}

}  // namespace
}  // namespace lorica::test
