#include "kernels/ops/lora_linear.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/kernels/linear_case.h"
#include "tests/reference/lora_linear.h"

namespace lorica {
namespace {

using namespace test;
using namespace reference;
using C = Vec<std::complex<double>>;

struct Case {
  int64_t rows, in, out, rank;
};
/// Ranks and widths around the blocks' 16, 64 and 128, sums in one part and in several, the last of them short.
constexpr Case kCases[] = {{1, 1, 1, 1},    {7, 5, 3, 4},     {64, 7, 257, 16},  {257, 64, 7, 1},
                           {129, 72, 8, 3}, {40, 24, 40, 65}, {66, 330, 132, 17}};
constexpr Case kReal[] = {{65, 576, 1536, 16}, {65, 1536, 576, 4}, {130, 192, 264, 256}};
constexpr float kScale = 1.5f;
constexpr int64_t kStream = -0x0123456789abcdf0;

struct Tensors {
  Case c;
  Dtype dtype;
  TestWeight w;
  HostTensor x, dy, bias, residual, a, b, u, stream;
  Dropout dropout;  // the stream apart
  Vec<double> mask, a_rounded, b_rounded;

  Tensors(Context& context, Case s, Dtype t, WeightLayout layout, bool pack, double p)
      : c(s),
        dtype(t),
        w(context, s.out, s.in, t, layout, pack, 1),
        x(HostTensor::random({s.rows, s.in}, t, 2)),
        dy(HostTensor::random({s.rows, s.out}, t, 3)),
        bias(HostTensor::random({s.out}, t, 4)),
        residual(HostTensor::random({s.rows, s.out}, t, 5)),
        a(HostTensor::random({s.rank, s.in}, Dtype::f32, 6)),
        b(HostTensor::random({s.out, s.rank}, Dtype::f32, 7)),
        u({s.rows, s.rank}, t),
        stream(HostTensor::int64(kStream)),
        dropout{.p = static_cast<float>(p), .seed = 0x123456789abcdef0u, .module = 7},
        mask(dropout_mask(to_size(s.rows * s.in), static_cast<double>(dropout.p), dropout.seed,
                          static_cast<uint64_t>(kStream) + dropout.module)),
        a_rounded(HostTensor(a.shape(), t, a.values()).values()),
        b_rounded(HostTensor(b.shape(), t, b.values()).values()) {}
  size_t rows() const { return to_size(c.rows); }
  size_t in() const { return to_size(c.in); }
  size_t out() const { return to_size(c.out); }
  size_t rank() const { return to_size(c.rank); }
  Dropout replayed() const {
    Dropout whole = dropout;
    whole.stream = stream.in();
    return whole;
  }

  LoraLinearFwd forward(const In& residual_in, bool biased, HostTensor& y) {
    return {.x = x.in(),
            .w = w.for_forward(),
            .bias = biased ? bias.in() : In{},
            .residual = residual_in,
            .a = a.in(),
            .b = b.in(),
            .y = y.out(),
            .u = u.out(),
            .scale = kScale,
            .dropout = replayed()};
  }
  LoraLinearBwd backward(GradOut dx, GradOut da, GradOut db) const {
    return {.dy = dy.in(),
            .x = da ? x.in() : In{},
            .w = w.for_backward(),
            .a = a.in(),
            .b = b.in(),
            .u = db ? u.in() : In{},
            .dx = dx,
            .da = da,
            .db = db,
            .scale = kScale,
            .dropout = replayed()};
  }
};

/// Runs fn over dtypes, layouts, packings, dropout rates and sizes.
template <class Fn>
void for_each_case(Fn&& fn) {
  Context& context = context_under_test();
  std::vector<Case> cases(std::begin(kCases), std::end(kCases));
  if (!emulated()) cases.insert(cases.end(), std::begin(kReal), std::end(kReal));
  for (Dtype dtype : {Dtype::f32, Dtype::bf16})
    for (WeightLayout layout : {WeightLayout::kOutIn, WeightLayout::kInOut})
      for (bool pack : packings(context))
        for (double p : {0.0, 0.3})
          for (const Case& c : cases) {
            if (c.in > 500 && context.device == Device::kCpu && (layout == WeightLayout::kInOut) != pack) continue;
            SCOPED_TRACE(testing::Message() << c.rows << "x" << c.in << "x" << c.out << " r" << c.rank << " "
                                            << name_of(dtype) << " pack " << pack << " p " << p);
            Tensors t(context, c, dtype, layout, pack, p);
            fn(context, t);
          }
}

/// Adds a rounding to bf16 on the way to a result: one unit roundoff (2^-8) of the absolute terms. The limits of
/// sum_failure are a multiple of the scale, which `per_scale` undoes.
void add_rounding(Vec<double>& scale, const Vec<double>& terms, Dtype dtype, double per_scale) {
  if (dtype == Dtype::f32) return;
  for (size_t i = 0; i < scale.size(); ++i) scale[i] += std::abs(terms[i]) * 0x1p-8 / per_scale;
}
constexpr double kPerScaleBf16 = 2.02 * 4 * 0x1p-24, kPerScaleF32 = 8 * 0x1p-24;

TEST(LoraLinearFwd, AgreesWithTheReference) {
  int round = 0;
  for_each_case([&](Context& context, Tensors& t) {
    const bool biased = round % 2 == 0, has_residual = round % 3 != 0, in_place = round % 3 == 1;
    ++round;
    HostTensor y = in_place ? t.residual : HostTensor({t.c.rows, t.c.out}, t.dtype);
    launch(context, t.forward(in_place ? In(y.out()) : has_residual ? t.residual.in() : In{}, biased, y));

    const Vec<double> u = lora_u(t.x.values(), t.a_rounded, t.mask, kScale, t.rows(), t.in(), t.rank());
    const Vec<double> u_scale =
        lora_u(absolute(t.x.values()), absolute(t.a_rounded), t.mask, kScale, t.rows(), t.in(), t.rank());
    EXPECT_EQ(sum_failure(t.u.values(), u, u_scale, t.dtype), "") << "u";

    // y is made from u as it is stored, so that y's own error is measured
    const Vec<double> bias = biased ? t.bias.values() : Vec<double>{};
    const Vec<double> residual = has_residual ? t.residual.values() : Vec<double>{};
    const Vec<double> ref = lora_linear(t.x.values(), t.w.values, bias, residual, t.u.values(), t.b_rounded, t.rows(),
                                        t.in(), t.out(), t.rank());
    Vec<double> scale = lora_linear(absolute(t.x.values()), absolute(t.w.values), absolute(bias), absolute(residual),
                                    absolute(t.u.values()), absolute(t.b_rounded), t.rows(), t.in(), t.out(), t.rank());
    // a GPU's GEMM adds to what is stored: there u B^T + residual is rounded on its own
    if (context.device == Device::kCuda)
      add_rounding(scale, linear(t.u.values(), t.b_rounded, {}, residual, t.rows(), t.rank(), t.out()), t.dtype,
                   kPerScaleBf16);
    EXPECT_EQ(sum_failure(y.values(), ref, scale, t.dtype), "") << "y";
  });
}

TEST(LoraLinearBwd, AgreesWithTheReference) {
  int round = 0;
  for_each_case([&](Context& context, Tensors& t) {
    const GradMode mode = round++ % 2 == 0 ? GradMode::kWrite : GradMode::kAdd;
    const bool add = mode == GradMode::kAdd;
    const size_t rows = t.rows(), in = t.in(), out = t.out(), rank = t.rank();
    const HostTensor dx0 = HostTensor::random({t.c.rows, t.c.in}, t.dtype, 8);
    const HostTensor da0 = HostTensor::random({t.c.rank, t.c.in}, Dtype::f32, 9);
    const HostTensor db0 = HostTensor::random({t.c.out, t.c.rank}, Dtype::f32, 10);
    HostTensor dx = add ? dx0 : HostTensor(dx0.shape(), t.dtype), da = add ? da0 : HostTensor(da0.shape(), Dtype::f32);
    HostTensor db = add ? db0 : HostTensor(db0.shape(), Dtype::f32);
    t.u = HostTensor::random({t.c.rows, t.c.rank}, t.dtype, 11);
    launch(context, t.backward(dx.grad(mode), da.grad(mode), db.grad(mode)));

    auto plus = [&](Vec<double> v, const Vec<double>& before) {
      for (size_t i = 0; add && i < v.size(); ++i) v[i] += before[i];
      return v;
    };
    const Vec<double> dy = t.dy.values(), x = times(t.x.values(), t.mask);
    const Vec<double> v = lora_v(dy, t.b_rounded, kScale, rows, out, rank);
    const Vec<double> v_abs = lora_v(absolute(dy), absolute(t.b_rounded), kScale, rows, out, rank);

    const Vec<double> none;
    auto input = [&](const Vec<double>& g, const Vec<double>& w, const Vec<double>& low, const Vec<double>& a,
                     const Vec<double>& before) {
      Vec<double> sum = plus(matmul(g, w, rows, in, out), before);
      const Vec<double> term = lora_dx_term(low, a, t.mask, rows, in, rank);
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += term[i];
      return sum;
    };
    Vec<double> dx_scale =
        input(absolute(dy), absolute(t.w.values), v_abs, absolute(t.a_rounded), absolute(dx0.values()));
    // v, which the op keeps to itself, is rounded; and on a GPU the sum of its term and what dx held before
    add_rounding(dx_scale, lora_dx_term(absolute(v), absolute(t.a_rounded), t.mask, rows, in, rank), t.dtype,
                 kPerScaleBf16);
    if (context.device == Device::kCuda)
      add_rounding(dx_scale, plus(lora_dx_term(v, t.a_rounded, t.mask, rows, in, rank), dx0.values()), t.dtype,
                   kPerScaleBf16);
    EXPECT_EQ(sum_failure(dx.values(), input(dy, t.w.values, v, t.a_rounded, dx0.values()), dx_scale, t.dtype), "")
        << "dx";

    Vec<double> da_scale = plus(matmul(v_abs, absolute(x), rank, in, rows, true), absolute(da0.values()));
    add_rounding(da_scale, matmul(absolute(v), absolute(x), rank, in, rows, true), t.dtype, kPerScaleF32);
    EXPECT_EQ(sum_failure(da.values(), plus(matmul(v, x, rank, in, rows, true), da0.values()), da_scale, Dtype::f32),
              "")
        << "da";

    const Vec<double> u = t.u.values();
    EXPECT_EQ(
        sum_failure(db.values(), plus(matmul(dy, u, out, rank, rows, true), db0.values()),
                    plus(matmul(absolute(dy), absolute(u), out, rank, rows, true), absolute(db0.values())), Dtype::f32),
        "")
        << "db";
  });
}

TEST(LoraLinear, GradientsMatchTheComplexStepOfTheReference) {
  Context& context = context_under_test();
  for (double p : {0.0, 0.3})
    for (int64_t r : {1, 4}) {
      Tensors t(context, {6, 5, 7, r}, Dtype::f32, WeightLayout::kOutIn, false, p);
      HostTensor y({6, 7}, Dtype::f32), dx({6, 5}, Dtype::f32), da({r, 5}, Dtype::f32), db({7, r}, Dtype::f32);
      launch(context, t.forward({}, false, y));
      launch(context, t.backward(dx.grad(GradMode::kWrite), da.grad(GradMode::kWrite), db.grad(GradMode::kWrite)));
      const C w = complexes(t.w.values);
      auto forward = [&](const C& x, const C& a, const C& b) {
        const C u = lora_u(x, a, t.mask, kScale, t.rows(), t.in(), t.rank());
        return lora_linear(x, w, {}, {}, u, b, t.rows(), t.in(), t.out(), t.rank());
      };
      const C x = complexes(t.x.values()), a = complexes(t.a.values()), b = complexes(t.b.values());
      const Vec<double> dy = t.dy.values();
      // two chained f32 sums of at most 7 terms of size 1: eps times 64 covers them
      EXPECT_CLOSE(dx.values(), complex_step(t.x.values(), dy, [&](const C& v) { return forward(v, a, b); }),
                   {.scale = 16});
      EXPECT_CLOSE(da.values(), complex_step(t.a.values(), dy, [&](const C& v) { return forward(x, v, b); }),
                   {.scale = 16});
      EXPECT_CLOSE(db.values(), complex_step(t.b.values(), dy, [&](const C& v) { return forward(x, a, v); }),
                   {.scale = 16});
    }
}

TEST(LoraLinear, DropoutKeepsItsShareAndItsMaskIsThatOfEveryPass) {
  Context& context = context_under_test();
  for (Dtype dtype : {Dtype::f32, Dtype::bf16}) {
    // rank = in and A = identity: u is dropout(x) itself; B = 1, W = 0 and dy = 1 make dx the mask times 1 / (1 - p)
    const int64_t rows = 301, in = 67;
    Vec<double> identity(to_size(in * in), 0);
    for (size_t i = 0; i < to_size(in); ++i) identity[i * to_size(in) + i] = 1;
    const HostTensor x({rows, in}, dtype, Vec<double>(to_size(rows * in), 1)),
        w({1, in}, dtype, Vec<double>(to_size(in), 0));
    const HostTensor a({in, in}, Dtype::f32, identity), b({1, in}, Dtype::f32, Vec<double>(to_size(in), 1));
    const HostTensor dy({rows, 1}, dtype, Vec<double>(to_size(rows), 1));
    HostTensor y({rows, 1}, dtype), u({rows, in}, dtype), dx({rows, in}, dtype);
    const Dropout dropout{.p = 0.3f, .seed = 5, .module = 9};
    launch(
        context,
        LoraLinearFwd{
            .x = x.in(), .w = {.w = w.in()}, .a = a.in(), .b = b.in(), .y = y.out(), .u = u.out(), .dropout = dropout});
    launch(context, LoraLinearBwd{.dy = dy.in(),
                                  .w = {.w = w.in()},
                                  .a = a.in(),
                                  .b = b.in(),
                                  .dx = dx.grad(GradMode::kWrite),
                                  .dropout = dropout});
    EXPECT_EQ(u.values(), dx.values());
    double kept = 0;
    for (double value : u.values()) kept += value != 0;
    const double n = static_cast<double>(rows * in);
    EXPECT_NEAR(kept / n, 0.7, 5 * std::sqrt(0.3 * 0.7 / n));  // five standard deviations
    const Vec<double> mask = dropout_mask(to_size(rows * in), static_cast<double>(0.3f), 5, 9);
    for (size_t i = 0; i < mask.size(); ++i) ASSERT_EQ(mask[i] != 0, u.get(i) != 0) << i;
    EXPECT_NEAR(*std::max_element(mask.begin(), mask.end()), 1 / 0.7, 1e-6);
  }
}

TEST(LoraLinear, SkippedGradientsAndEmptyBatches) {
  Context& context = context_under_test();
  Tensors t(context, {5, 6, 7, 2}, Dtype::f32, WeightLayout::kOutIn, false, 0.3);
  HostTensor y({5, 7}, Dtype::f32), dx({5, 6}, Dtype::f32), da({2, 6}, Dtype::f32), db({7, 2}, Dtype::f32);
  HostTensor dx1 = dx, da1 = da, db1 = db;
  launch(context, t.forward({}, true, y));
  const GradMode write = GradMode::kWrite;
  launch(context, t.backward(dx.grad(write), da.grad(write), db.grad(write)));
  launch(context, t.backward(dx1.grad(write), {}, {}));
  launch(context, t.backward({}, da1.grad(write), {}));
  launch(context, t.backward({}, {}, db1.grad(write)));
  EXPECT_EQ(dx.values(), dx1.values());
  EXPECT_EQ(da.values(), da1.values());
  EXPECT_EQ(db.values(), db1.values());
  EXPECT_EQ(t.backward({}, {}, {}).cost().flops, 0);

  HostTensor y_alone({5, 7}, Dtype::f32);
  LoraLinearFwd without_u = t.forward({}, true, y_alone);
  without_u.u = {};
  launch(context, without_u);
  EXPECT_EQ(y_alone.values(), y.values());

  Tensors empty(context, {0, 6, 7, 2}, Dtype::f32, WeightLayout::kOutIn, false, 0.3);
  HostTensor none({0, 7}, Dtype::f32), dx_none({0, 6}, Dtype::f32);
  launch(context, empty.forward({}, true, none));
  launch(context, empty.backward(dx_none.grad(write), da.grad(write), db.grad(write)));
  EXPECT_EQ(da.values(), Vec<double>(12, 0));
  EXPECT_EQ(db.values(), Vec<double>(14, 0));
}

TEST(LoraLinear, ARerunAndAnyAlignmentGiveTheSameBits) {
  Context& context = context_under_test();
  for (Dtype dtype : {Dtype::f32, Dtype::bf16}) {
    Vec<double> first;
    for (int64_t shift : {0, 0, 1, 3}) {
      Tensors t(context, {300, 72, 136, 8}, dtype, WeightLayout::kOutIn, false, 0.3);
      t.x = t.x.shifted(shift), t.dy = t.dy.shifted(shift), t.residual = t.residual.shifted(shift);
      t.a = t.a.shifted(shift), t.b = t.b.shifted(shift), t.u = t.u.shifted(shift);
      HostTensor y = HostTensor({300, 136}, dtype).shifted(shift), dx = HostTensor({300, 72}, dtype).shifted(shift);
      HostTensor da = HostTensor({8, 72}, Dtype::f32).shifted(shift);
      HostTensor db = HostTensor({136, 8}, Dtype::f32).shifted(shift);
      launch(context, t.forward(t.residual.in(), false, y));
      launch(context, t.backward(dx.grad(GradMode::kWrite), da.grad(GradMode::kWrite), db.grad(GradMode::kWrite)));
      Vec<double> got;
      for (const HostTensor* result : {&y, &dx, &da, &db, &t.u})
        for (double value : result->values()) got.push_back(value);
      if (first.empty()) first = got;
      // the CPU's GEMM library sums in an order that depends on the address
      if (shift == 0 || context.device == Device::kCuda) {
        EXPECT_EQ(got, first) << "shift " << shift;
      }
    }
  }
}

TEST(LoraLinear, ErrorsNameTheOpAndTheArgument) {
  Context& context = context_under_test();
  Tensors t(context, {5, 6, 7, 2}, Dtype::f32, WeightLayout::kOutIn, false, 0);
  HostTensor y({5, 7}, Dtype::f32), wrong({5, 6}, Dtype::bf16);
  LoraLinearFwd fwd = t.forward({}, false, y);
  fwd.a = wrong.in();
  EXPECT_EQ(error_of([&] { launch(context, fwd); }), "LoraLinearFwd: a: expected f32, got bf16");
  fwd = t.forward({}, false, y);
  fwd.b = t.a.in();
  EXPECT_EQ(error_of([&] { launch(context, fwd); }), "LoraLinearFwd: b: expected shape [7, 2], got [2, 6]");
  fwd = t.forward({}, false, y);
  fwd.dropout.p = 1;
  EXPECT_EQ(error_of([&] { launch(context, fwd); }),
            "LoraLinearFwd: dropout.p: expected at least 0 and less than 1, got 1");
  fwd = t.forward({}, false, y);
  fwd.dropout.stream = t.a.in();
  EXPECT_EQ(error_of([&] { launch(context, fwd); }), "LoraLinearFwd: dropout.stream: expected shape [1], got [2, 6]");
  EXPECT_EQ(error_of([&] { launch(context, t.backward(wrong.grad(GradMode::kWrite), {}, {})); }),
            "LoraLinearBwd: dx: expected f32, got bf16");
}

}  // namespace
}  // namespace lorica
