#include "kernels/ops/linear.h"

#include <gtest/gtest.h>

#include "kernels/cpu/gemm.h"
#include "kernels/cpu/gemm_cache.h"
#include "tests/kernels/linear_case.h"

namespace lorica {
namespace {

using namespace test;
using reference::column_sums;
using reference::linear;
using reference::matmul;

struct Case {
  int64_t rows, in, out;
};
constexpr Case kSmall[] = {{1, 1, 1}, {3, 7, 5}, {7, 64, 7}, {64, 7, 257}, {257, 257, 64}};
constexpr Case kReal[] = {{65, 576, 1536}, {65, 1536, 576}, {257, 576, 192}};
/// kReal, but for an emulator one product just above the blocks' sizes.
std::vector<Case> real_cases() {
  return emulated() ? std::vector<Case>{{65, 72, 130}} : std::vector<Case>(std::begin(kReal), std::end(kReal));
}

enum class Residual { kNone, kSeparate, kInPlace };

/// y is of y_dtype where there is no residual.
void check_forward(Context& context, Case c, Dtype dtype, WeightLayout layout, bool pack, Dtype bias_dtype, bool biased,
                   Residual kind, Dtype y_dtype) {
  const auto rows = to_size(c.rows), in = to_size(c.in), out = to_size(c.out);
  const TestWeight w(context, c.out, c.in, dtype, layout, pack, 1);
  const HostTensor x = HostTensor::random({c.rows, c.in}, dtype, 2);
  const HostTensor bias = HostTensor::random({c.out}, bias_dtype, 3);
  const HostTensor residual = HostTensor::random({c.rows, c.out}, dtype, 4);
  HostTensor y = kind == Residual::kInPlace ? residual : HostTensor({c.rows, c.out}, y_dtype);
  const In residual_in = kind == Residual::kNone ? In{} : kind == Residual::kInPlace ? In(y.out()) : residual.in();
  launch(
      context,
      LinearFwd{
          .x = x.in(), .w = w.for_forward(), .bias = biased ? bias.in() : In{}, .residual = residual_in, .y = y.out()});
  const Vec<double> b = biased ? bias.values() : Vec<double>{};
  const Vec<double> r = kind == Residual::kNone ? Vec<double>{} : residual.values();
  const Vec<double> ref = linear(x.values(), w.values, b, r, rows, in, out);
  const Vec<double> scale = linear(absolute(x.values()), absolute(w.values), absolute(b), absolute(r), rows, in, out);
  EXPECT_EQ(sum_failure(y.values(), ref, scale, y_dtype), "")
      << c.rows << "x" << c.in << "x" << c.out << " " << name_of(dtype) << " to " << name_of(y_dtype) << " pack "
      << pack << " bias " << biased << " residual " << static_cast<int>(kind);
}

TEST(LinearFwd, AgreesWithTheReference) {
  Context& context = context_under_test();
  for (Dtype dtype : {Dtype::f32, Dtype::bf16})
    for (WeightLayout layout : {WeightLayout::kOutIn, WeightLayout::kInOut})
      for (bool pack : packings(context)) {
        for (const Case& c : kSmall) {
          check_forward(context, c, dtype, layout, pack, dtype, false, Residual::kNone, dtype);
          check_forward(context, c, dtype, layout, pack, dtype, false, Residual::kNone, Dtype::f32);
          check_forward(context, c, dtype, layout, pack, dtype, true, Residual::kNone, Dtype::f32);
          check_forward(context, c, dtype, layout, pack, Dtype::f32, true, Residual::kSeparate, dtype);
          check_forward(context, c, dtype, layout, pack, dtype, true, Residual::kInPlace, dtype);
        }
        for (const Case& c : real_cases())
          check_forward(context, c, dtype, layout, pack, dtype, true, Residual::kInPlace, dtype);
      }
}

TEST(LinearBwd, AgreesWithTheReference) {
  Context& context = context_under_test();
  for (Dtype dtype : {Dtype::f32, Dtype::bf16})
    for (WeightLayout layout : {WeightLayout::kOutIn, WeightLayout::kInOut})
      for (bool pack : packings(context))
        for (GradMode mode : {GradMode::kWrite, GradMode::kAdd}) {
          for (const Case& c : {kSmall[0], kSmall[1], kSmall[3], kSmall[4], real_cases().front()}) {
            const auto rows = to_size(c.rows), in = to_size(c.in), out = to_size(c.out);
            const TestWeight w(context, c.out, c.in, dtype, layout, pack, 1);
            const HostTensor dy = HostTensor::random({c.rows, c.out}, dtype, 2);
            const HostTensor before = HostTensor::random({c.rows, c.in}, dtype, 3);
            HostTensor dx = mode == GradMode::kAdd ? before : HostTensor({c.rows, c.in}, dtype);
            launch(context, LinearBwd{.dy = dy.in(), .w = w.for_backward(), .dx = dx.grad(mode)});
            Vec<double> ref = matmul(dy.values(), w.values, rows, in, out);
            Vec<double> scale = matmul(absolute(dy.values()), absolute(w.values), rows, in, out);
            if (mode == GradMode::kAdd)
              for (size_t i = 0; i < ref.size(); ++i) ref[i] += before.get(i), scale[i] += std::abs(before.get(i));
            EXPECT_EQ(sum_failure(dx.values(), ref, scale, dtype), "") << c.rows << "x" << c.in << "x" << c.out;
          }
        }
}

TEST(LinearWeightGrad, AgreesWithTheReference) {
  Context& context = context_under_test();
  for (Dtype dtype : {Dtype::f32, Dtype::bf16})
    for (WeightLayout layout : {WeightLayout::kOutIn, WeightLayout::kInOut})
      for (GradMode mode : {GradMode::kWrite, GradMode::kAdd})
        for (const Case& c : {kSmall[0], kSmall[1], kSmall[3], kSmall[4], Case{600, 64, 70}, real_cases().front()}) {
          const auto rows = to_size(c.rows), in = to_size(c.in), out = to_size(c.out);
          const HostTensor dy = HostTensor::random({c.rows, c.out}, dtype, 1);
          const HostTensor x = HostTensor::random({c.rows, c.in}, dtype, 2);
          const bool out_in = layout == WeightLayout::kOutIn;
          const Shape shape = out_in ? Shape{c.out, c.in} : Shape{c.in, c.out};
          const HostTensor dw_before = HostTensor::random(shape, Dtype::f32, 3);
          const HostTensor db_before = HostTensor::random({c.out}, Dtype::f32, 4);
          const bool add = mode == GradMode::kAdd;
          HostTensor dw = add ? dw_before : HostTensor(shape, Dtype::f32);
          HostTensor db = add ? db_before : HostTensor({c.out}, Dtype::f32);
          launch(context, LinearWeightGrad{
                              .dy = dy.in(), .x = x.in(), .dw = dw.grad(mode), .db = db.grad(mode), .layout = layout});
          auto product = [&](const Vec<double>& a, const Vec<double>& b) {
            return out_in ? matmul(a, b, out, in, rows, true) : matmul(b, a, in, out, rows, true);
          };
          auto plus = [&](Vec<double> v, const Vec<double>& before) {
            for (size_t i = 0; add && i < v.size(); ++i) v[i] += before[i];
            return v;
          };
          EXPECT_EQ(
              sum_failure(dw.values(), plus(product(dy.values(), x.values()), dw_before.values()),
                          plus(product(absolute(dy.values()), absolute(x.values())), absolute(dw_before.values())),
                          Dtype::f32),
              "");
          EXPECT_EQ(sum_failure(db.values(), plus(column_sums(dy.values(), rows, out), db_before.values()),
                                plus(column_sums(absolute(dy.values()), rows, out), absolute(db_before.values())),
                                Dtype::f32),
                    "");
        }
}

TEST(Linear, GradientsMatchTheComplexStepOfTheReference) {
  Context& context = context_under_test();
  const size_t rows = 3, in = 5, out = 4;
  const TestWeight w(context, 4, 5, Dtype::f32, WeightLayout::kOutIn, false, 1);
  const HostTensor x = HostTensor::random({3, 5}, Dtype::f32, 2), dy = HostTensor::random({3, 4}, Dtype::f32, 3);
  const HostTensor bias = HostTensor::random({4}, Dtype::f32, 4);
  HostTensor dx({3, 5}, Dtype::f32), dw({4, 5}, Dtype::f32), db({4}, Dtype::f32);
  launch(context, LinearBwd{.dy = dy.in(), .w = w.for_backward(), .dx = dx.grad(GradMode::kWrite)});
  launch(context, LinearWeightGrad{
                      .dy = dy.in(), .x = x.in(), .dw = dw.grad(GradMode::kWrite), .db = db.grad(GradMode::kWrite)});
  using C = Vec<std::complex<double>>;
  const C xc = complexes(x.values()), wc = complexes(w.values), bc = complexes(bias.values());
  EXPECT_CLOSE(dx.values(),
               complex_step(x.values(), dy.values(), [&](const C& v) { return linear(v, wc, bc, {}, rows, in, out); }),
               {.scale = 8});
  EXPECT_CLOSE(dw.values(),
               complex_step(w.values, dy.values(), [&](const C& v) { return linear(xc, v, bc, {}, rows, in, out); }),
               {.scale = 8});
  EXPECT_CLOSE(
      db.values(),
      complex_step(bias.values(), dy.values(), [&](const C& v) { return linear(xc, wc, v, {}, rows, in, out); }),
      {.scale = 8});
}

TEST(Linear, SkippedGradientsAndEmptyBatches) {
  Context& context = context_under_test();
  const TestWeight w(context, 6, 5, Dtype::f32, WeightLayout::kOutIn, false, 1);
  const HostTensor x({0, 5}, Dtype::f32), dy({0, 6}, Dtype::f32);
  HostTensor y({0, 6}, Dtype::f32), dw({6, 5}, Dtype::f32), db({6}, Dtype::f32);
  launch(context, LinearFwd{.x = x.in(), .w = w.for_forward(), .y = y.out()});
  launch(context, LinearBwd{.dy = dy.in(), .w = w.for_backward()});
  launch(context, LinearWeightGrad{.dy = dy.in()});
  launch(context, LinearWeightGrad{
                      .dy = dy.in(), .x = x.in(), .dw = dw.grad(GradMode::kWrite), .db = db.grad(GradMode::kWrite)});
  EXPECT_EQ(dw.values(), Vec<double>(30, 0));
  EXPECT_EQ(db.values(), Vec<double>(6, 0));
  EXPECT_EQ((LinearBwd{.dy = dy.in(), .w = w.for_backward()}.cost().flops), 0);
}

TEST(Linear, ARerunAgreesBitForBit) {
  for (Dtype dtype : {Dtype::f32, Dtype::bf16}) {
    const HostTensor x = HostTensor::random({260, 96}, dtype, 1), dy = HostTensor::random({260, 192}, dtype, 2);
    Vec<double> first;
    for (int run = 0; run < 4; ++run) {
      Context& context = context_under_test();
      HostTensor dw({192, 96}, Dtype::f32), db({192}, Dtype::f32);
      launch(context,
             LinearWeightGrad{
                 .dy = dy.in(), .x = x.in(), .dw = dw.grad(GradMode::kWrite), .db = db.grad(GradMode::kWrite)});
      Vec<double> got = dw.values();
      for (double value : db.values()) got.push_back(value);
      if (run == 0) first = got;
      EXPECT_EQ(got, first);
    }
  }
}

TEST(Linear, ErrorsNameTheOpAndTheArgument) {
  Context& context = context_under_test();
  const TestWeight w(context, 6, 5, Dtype::f32, WeightLayout::kOutIn, true, 1);
  const HostTensor x({2, 5}, Dtype::f32), narrow({2, 4}, Dtype::f32), half({2, 6}, Dtype::bf16);
  HostTensor y({2, 6}, Dtype::f32), dx({2, 5}, Dtype::f32);
  EXPECT_EQ(error_of([&] { launch(context, LinearFwd{.x = narrow.in(), .w = w.for_forward(), .y = y.out()}); }),
            "LinearFwd: x: expected shape [2, 5], got [2, 4]");
  if (context.device == Device::kCpu) {
    EXPECT_EQ(error_of([&] { launch(context, LinearFwd{.x = x.in(), .w = w.for_backward(), .y = y.out()}); }),
              "LinearFwd: w: packed for the backward pass, wanted for the other one");
  }
  EXPECT_EQ(error_of([&] {
              launch(context, LinearFwd{.x = x.in(), .w = w.for_forward(), .residual = half.in(), .y = y.out()});
            }),
            "LinearFwd: residual: expected f32, got bf16");
  EXPECT_EQ(
      error_of([&] { launch(context, LinearFwd{.x = x.in(), .w = w.for_forward(), .bias = x.in(), .y = y.out()}); }),
      "LinearFwd: bias: expected shape [6], got [2, 5]");
  EXPECT_EQ(error_of([&] {
              launch(context, LinearBwd{.dy = half.in(), .w = w.for_backward(), .dx = dx.grad(GradMode::kWrite)});
            }),
            "LinearBwd: w: expected bf16, got f32");
  EXPECT_EQ(
      error_of([&] { launch(context, LinearWeightGrad{.dy = y.in(), .x = x.in(), .dw = dx.grad(GradMode::kWrite)}); }),
      "LinearWeightGrad: dw: expected shape [6, 5], got [2, 5]");
}

TEST(Gemm, TheCacheKeepsItsBoundAndScratchItsHighWaterMark) {
  CpuBackend backend;
  backend.gemm_cache().capacity = 4;
  const HostTensor a = HostTensor::random({16, 32}, Dtype::f32, 1), b = HostTensor::random({32, 8}, Dtype::f32, 2);
  HostTensor c({16, 8}, Dtype::f32);
  size_t held = 0;
  for (int round = 0; round < 2; ++round) {
    for (int64_t m = 1; m <= 16; ++m) {
      cpu::gemm(backend, {.m = m,
                          .n = 8,
                          .k = 32,
                          .a = {a.in().data, Dtype::f32, 32},
                          .b = {b.in().data, Dtype::f32, 8},
                          .c = c.out().data,
                          .ldc = 8});
      EXPECT_LE(backend.gemm_cache().entries.size(), 4u);
      EXPECT_EQ(backend.gemm_cache().entries.size(), backend.gemm_cache().index.size());
    }
    const Vec<double> scale = matmul(absolute(a.values()), absolute(b.values()), 16, 8, 32);
    EXPECT_EQ(sum_failure(c.values(), matmul(a.values(), b.values(), 16, 8, 32), scale, Dtype::f32), "");
    if (round == 0) held = backend.scratch_bytes();
    EXPECT_EQ(backend.scratch_bytes(), held);
  }
}

TEST(PackWeight, PlainWeightsThatAreNotCopiedCostNothing) {
  CpuBackend backend;
  const HostTensor w = HostTensor::random({64, 32}, Dtype::f32, 1);
  EXPECT_EQ(pack_weight(backend, w.in(), WeightLayout::kOutIn, PackFor::kBackward)->bytes(), 0u);
  const HostTensor half = HostTensor::random({64, 32}, Dtype::bf16, 1);
  const size_t packed = pack_weight(backend, half.in(), WeightLayout::kOutIn, PackFor::kBackward)->bytes();
  EXPECT_TRUE(packed == 0 || (packed >= 64 * 32 * 2 && backend.gemm_cache().native_bf16)) << packed;
}

}  // namespace
}  // namespace lorica
