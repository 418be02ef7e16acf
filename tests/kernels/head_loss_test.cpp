#include "kernels/ops/head_loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "tests/kernels/linear_case.h"
#include "tests/reference/head_loss.h"

namespace lorica {
namespace {

using namespace test;
using namespace reference;
using C = Vec<std::complex<double>>;

struct Case {
  int64_t tokens, width, vocabulary;
  std::vector<int32_t> rows;
};

HostTensor ints(const std::vector<int32_t>& values) {
  return values.empty() ? HostTensor({0}, Dtype::i32) : HostTensor::ints(values);
}

std::vector<int32_t> every(int64_t step, int64_t tokens) {
  std::vector<int32_t> rows;
  for (int64_t t = step - 1; t < tokens; t += step) rows.push_back(static_cast<int32_t>(t));
  return rows;
}

struct Tensors {
  Case c;
  Dtype dtype;
  HostTensor hidden;
  TestWeight w;
  std::vector<int32_t> targets;
  HostTensor rows_tensor, targets_tensor, losses, scale_tensor;
  float softcap;
  static constexpr double kLossScale = 0.25;

  Tensors(Context& context, Case s, Dtype t, WeightLayout layout, bool pack, float cap)
      : c(std::move(s)),
        dtype(t),
        hidden(HostTensor::random({c.tokens, c.width}, t, 1)),
        w(context, c.vocabulary, c.width, t, layout, pack, 2),
        targets(make_targets(c)),
        rows_tensor(ints(c.rows)),
        targets_tensor(ints(targets)),
        losses({static_cast<int64_t>(c.rows.size())}, Dtype::f32),
        scale_tensor({1}, Dtype::f32, {kLossScale}),
        softcap(cap) {}

  /// The first two targets are the ends of the vocabulary.
  static std::vector<int32_t> make_targets(const Case& c) {
    std::vector<int32_t> targets(c.rows.size());
    for (size_t i = 0; i < targets.size(); ++i)
      targets[i] = static_cast<int32_t>(i == 0   ? c.vocabulary - 1
                                        : i == 1 ? 0
                                                 : static_cast<int64_t>(i) * 7919 % c.vocabulary);
    return targets;
  }
  HeadLoss op(GradOut dhidden, GradOut dw) {
    return {.hidden = hidden.in(),
            .weight = w.for_forward(),
            .weight_bwd = dhidden ? w.for_backward() : WeightIn{},
            .rows = rows_tensor.in(),
            .targets = targets_tensor.in(),
            .losses = losses.out(),
            .dhidden = dhidden,
            .dw = dw,
            .loss_scale = scale_tensor.in(),
            .softcap = softcap};
  }
  Vec<double> labelled(const Vec<double>& all) const {
    Vec<double> h;
    const auto width = static_cast<std::ptrdiff_t>(c.width);
    for (int32_t row : c.rows) h.insert(h.end(), all.begin() + row * width, all.begin() + (row + 1) * width);
    return h;
  }
};

/// Logits err by about 8 eps times their sum of absolute terms (sum_failure), the loss by as much as its logits, and
/// dz by that share of the softmax p: also where p - 1 cancels.
double logit_error(const Vec<double>& h, const Vec<double>& w, size_t n, size_t vocabulary, size_t width) {
  const Vec<double> terms = matmul(absolute(h), absolute(transposed(w, vocabulary, width)), n, vocabulary, width);
  return terms.empty() ? 0 : *std::max_element(terms.begin(), terms.end()) * 8 * 0x1p-24;
}

void check_losses(const Tensors& t, const Vec<double>& h) {
  const auto width = to_size(t.c.width), vocabulary = to_size(t.c.vocabulary);
  const Vec<double> ref = head_losses(h, t.w.values, t.targets, static_cast<double>(t.softcap), width, vocabulary);
  const double error = logit_error(h, t.w.values, t.c.rows.size(), vocabulary, width);
  EXPECT_EQ(close_failure(t.losses.values(), ref, {.c = 4, .scale = 2 * error / (4 * 0x1p-24)}), "") << "losses";
}

/// dz of the op is not seen: its f32 error, and in bf16 its rounding (2^-8), enter the limits of what is made from it.
void check_gradients(Context& context, Tensors& t, GradMode mode) {
  const bool add = mode == GradMode::kAdd;
  const auto width = to_size(t.c.width), vocabulary = to_size(t.c.vocabulary), n = t.c.rows.size();
  const bool out_in = t.w.layout == WeightLayout::kOutIn;
  const HostTensor dh0 = HostTensor::random({t.c.tokens, t.c.width}, t.dtype, 5);
  const HostTensor dw0 = HostTensor::random(t.w.tensor.shape(), Dtype::f32, 6);
  HostTensor dhidden = add ? dh0 : HostTensor(dh0.shape(), t.dtype),
             dw = add ? dw0 : HostTensor(dw0.shape(), Dtype::f32);
  launch(context, t.op(dhidden.grad(mode), dw.grad(mode)));

  const Vec<double> h = t.labelled(t.hidden.values());
  check_losses(t, h);
  const Vec<double> dz =
      head_dz(h, t.w.values, t.targets, static_cast<double>(t.softcap), Tensors::kLossScale, width, vocabulary);
  const double logits = logit_error(h, t.w.values, n, vocabulary, width);
  // f32 arithmetic on the softmax; cap' = 1 - (z / cap)^2 has that error relative to 1, however small it is itself
  const double f32_share = 2 * logits + 16 * 0x1p-24;
  const double share = f32_share + (t.dtype == Dtype::bf16 ? 0x1p-8 : 0);
  Vec<double> dz_error =
      head_dz(h, t.w.values, t.targets, static_cast<double>(t.softcap), Tensors::kLossScale, width, vocabulary, true);
  for (size_t i = 0; i < dz.size(); ++i) {
    const bool target = i % vocabulary == to_size(t.targets[i / vocabulary]);
    const double softmax = dz_error[i] + (target ? Tensors::kLossScale : 0);
    dz_error[i] = std::abs(dz[i]) * share + (std::abs(dz_error[i]) + softmax) * f32_share;
  }

  const Vec<double> rows = matmul(dz, t.w.values, n, width, vocabulary);
  const Vec<double> row_terms = matmul(absolute(dz), absolute(t.w.values), n, width, vocabulary);
  const Vec<double> row_errors = matmul(dz_error, absolute(t.w.values), n, width, vocabulary);
  Vec<double> ref = add ? dh0.values() : Vec<double>(dh0.values().size(), 0), scale = absolute(ref);
  const double per_scale = t.dtype == Dtype::bf16 ? 2.02 * 4 * 0x1p-24 : 8 * 0x1p-24;
  for (size_t i = 0; i < n; ++i)
    for (size_t k = 0; k < width; ++k) {
      const size_t at = to_size(t.c.rows[i]) * width + k;
      ref[at] += rows[i * width + k];
      scale[at] += row_terms[i * width + k] + row_errors[i * width + k] / per_scale;
    }
  EXPECT_EQ(sum_failure(dhidden.values(), ref, scale, t.dtype), "") << "dhidden";

  auto product = [&](const Vec<double>& a, const Vec<double>& b) {
    return out_in ? matmul(a, b, vocabulary, width, n, true) : matmul(b, a, width, vocabulary, n, true);
  };
  Vec<double> dw_ref = product(dz, h), dw_scale = product(absolute(dz), absolute(h));
  const Vec<double> dw_errors = product(dz_error, absolute(h));
  for (size_t i = 0; i < dw_ref.size(); ++i) {
    dw_scale[i] += dw_errors[i] / (8 * 0x1p-24);
    if (add) dw_ref[i] += dw0.get(i), dw_scale[i] += std::abs(dw0.get(i));
  }
  EXPECT_EQ(sum_failure(dw.values(), dw_ref, dw_scale, Dtype::f32), "") << "dw";
}

TEST(HeadLoss, AgreesWithTheReference) {
  Context& context = context_under_test();
  const Case cases[] = {{1, 1, 1, {0}},
                        {7, 7, 64, {0, 3, 6}},
                        {7, 64, 257, every(1, 7)},
                        {64, 7, 1031, every(3, 64)},
                        {5, 64, 257, {4}},
                        {3, 5, 4100, {0, 2}},
                        {9, 33, 2, {2, 8}},  // the heads of classifiers: few and odd rows
                        {30, 64, 3, every(5, 30)},
                        {30, 24, 77, every(4, 30)},
                        {30, 24, 151, every(7, 30)},
                        {40, emulated() ? 72 : 576, 257, every(2, 40)}};
  for (Dtype dtype : {Dtype::f32, Dtype::bf16})
    for (WeightLayout layout : {WeightLayout::kOutIn, WeightLayout::kInOut})
      for (float softcap : {0.0f, 3.0f})
        for (GradMode mode : {GradMode::kWrite, GradMode::kAdd})
          for (const Case& c : cases) {
            SCOPED_TRACE(testing::Message() << c.tokens << " tokens, width " << c.width << ", vocabulary "
                                            << c.vocabulary << " " << name_of(dtype) << " cap " << softcap);
            Tensors t(context, c, dtype, layout, mode == GradMode::kAdd, softcap);
            check_gradients(context, t, mode);
          }
}

TEST(HeadLoss, ManyChunksAreOneLoss) {
  // On the CPU 24 MiB of f32 logits are 95 rows at the large vocabulary: 150 rows take three chunks. A GPU takes at
  // most 1024 rows at a time.
  Context& context = context_under_test();
  for (Dtype dtype : {Dtype::f32, Dtype::bf16})
    for (GradMode mode : {GradMode::kWrite, GradMode::kAdd}) {
      Tensors t(context, emulated() ? Case{1200, 3, 12, every(1, 1100)} : Case{310, 3, 66000, every(2, 301)}, dtype,
                WeightLayout::kOutIn, true, 0);
      check_gradients(context, t, mode);
    }
}

TEST(HeadLoss, GradientsMatchTheComplexStepOfTheReference) {
  Context& context = context_under_test();
  for (float softcap : {0.0f, 3.0f}) {
    Tensors t(context, {6, 5, 11, {1, 2, 5}}, Dtype::f32, WeightLayout::kOutIn, false, softcap);
    HostTensor dhidden({6, 5}, Dtype::f32), dw({11, 5}, Dtype::f32);
    launch(context, t.op(dhidden.grad(GradMode::kWrite), dw.grad(GradMode::kWrite)));
    const Vec<double> h = t.labelled(t.hidden.values()), seed(3, Tensors::kLossScale);
    const C hc = complexes(h), wc = complexes(t.w.values);
    auto losses = [&](const C& a, const C& b) {
      return head_losses(a, b, t.targets, static_cast<double>(softcap), 5, 11);
    };
    // logits of size up to 10 and their exponentials, in f32
    const Vec<double> dh = complex_step(h, seed, [&](const C& v) { return losses(v, wc); });
    EXPECT_CLOSE(t.labelled(dhidden.values()), dh, {.c = 8, .scale = 10});
    EXPECT_CLOSE(dw.values(), complex_step(t.w.values, seed, [&](const C& v) { return losses(hc, v); }),
                 {.c = 8, .scale = 10});
    for (size_t k = 0; k < 5; ++k) EXPECT_EQ(dhidden.get(k), 0) << "row 0 has no label";
  }
}

TEST(HeadLoss, EvaluationGivesTheSameLossesAndFrozenWeightsTheSameGradient) {
  Context& context = context_under_test();
  for (Dtype dtype : {Dtype::f32, Dtype::bf16})
    for (float softcap : {0.0f, 5.0f}) {
      Tensors t(context, {50, 64, 300, every(2, 50)}, dtype, WeightLayout::kOutIn, true, softcap);
      HostTensor both({50, 64}, dtype), alone({50, 64}, dtype), dw({300, 64}, Dtype::f32);
      launch(context, t.op(both.grad(GradMode::kWrite), dw.grad(GradMode::kWrite)));
      const Vec<double> losses = t.losses.values();
      launch(context, t.op(alone.grad(GradMode::kWrite), {}));
      EXPECT_EQ(alone.values(), both.values());
      t.losses = HostTensor(t.losses.shape(), Dtype::f32);
      launch(context, t.op({}, {}));
      EXPECT_EQ(t.losses.values(), losses);
      const double all = t.op(both.grad(GradMode::kWrite), dw.grad(GradMode::kWrite)).cost().flops;
      EXPECT_EQ(all, 3 * t.op({}, {}).cost().flops);
    }
}

TEST(HeadLoss, LargeLogitsNeitherOverflowNorVanish) {
  Context& context = context_under_test();
  Tensors t(context, {4, 8, 100, every(1, 4)}, Dtype::f32, WeightLayout::kOutIn, false, 0);
  for (size_t i = 0; i < 32; ++i) t.hidden.set(i, t.hidden.get(i) * 1000);
  HostTensor dhidden({4, 8}, Dtype::f32);
  launch(context, t.op(dhidden.grad(GradMode::kWrite), {}));
  check_losses(t, t.hidden.values());
  for (double value : dhidden.values()) EXPECT_TRUE(std::isfinite(value));
}

TEST(HeadLoss, NoLabelsNoLoss) {
  Context& context = context_under_test();
  Tensors t(context, {4, 8, 10, {}}, Dtype::f32, WeightLayout::kOutIn, false, 0);
  HostTensor dhidden({4, 8}, Dtype::f32), dw({10, 8}, Dtype::f32);
  launch(context, t.op(dhidden.grad(GradMode::kWrite), dw.grad(GradMode::kWrite)));
  EXPECT_EQ(dhidden.values(), Vec<double>(32, 0));
  EXPECT_EQ(dw.values(), Vec<double>(80, 0));
  HostTensor kept = HostTensor::random({4, 8}, Dtype::f32, 1);
  const Vec<double> before = kept.values();
  launch(context, t.op(kept.grad(GradMode::kAdd), {}));
  EXPECT_EQ(kept.values(), before);
}

TEST(HeadLoss, PaddingHasNoLossAndNoGradient) {
  Context& context = context_under_test();
  for (Dtype dtype : {Dtype::f32, Dtype::bf16})
    for (const std::vector<int32_t>& labelled : {std::vector<int32_t>{}, std::vector<int32_t>{0, 2, 3, 8}}) {
      Tensors t(context, {9, 24, 70, labelled}, dtype, WeightLayout::kOutIn, false, 0);
      HostTensor dhidden({9, 24}, dtype), dw({70, 24}, Dtype::f32);
      launch(context, t.op(dhidden.grad(GradMode::kWrite), dw.grad(GradMode::kWrite)));
      Vec<double> losses = t.losses.values();

      std::vector<int32_t> rows = labelled, targets = t.targets;
      rows.resize(labelled.size() + 5, -1), targets.resize(rows.size(), -1), losses.resize(rows.size(), 0);
      t.rows_tensor = HostTensor::ints(rows), t.targets_tensor = HostTensor::ints(targets);
      t.losses = HostTensor({static_cast<int64_t>(rows.size())}, Dtype::f32);
      HostTensor padded_dhidden({9, 24}, dtype), padded_dw({70, 24}, Dtype::f32);
      launch(context, t.op(padded_dhidden.grad(GradMode::kWrite), padded_dw.grad(GradMode::kWrite)));
      EXPECT_EQ(t.losses.values(), losses);
      EXPECT_EQ(padded_dhidden.values(), dhidden.values());
      EXPECT_EQ(padded_dw.values(), dw.values());
      const HostTensor before = HostTensor::random({9, 24}, dtype, 3);
      HostTensor added = before;
      if (labelled.empty()) {
        launch(context, t.op(added.grad(GradMode::kAdd), padded_dw.grad(GradMode::kAdd)));
        EXPECT_EQ(added.values(), before.values());
        EXPECT_EQ(padded_dw.values(), dw.values());
      }
    }
}

TEST(HeadLoss, WithoutAScaleItIsOne) {
  Context& context = context_under_test();
  Tensors t(context, {6, 8, 20, {1, 4}}, Dtype::f32, WeightLayout::kOutIn, false, 0);
  HostTensor scaled({6, 8}, Dtype::f32), plain({6, 8}, Dtype::f32);
  launch(context, t.op(scaled.grad(GradMode::kWrite), {}));
  HeadLoss op = t.op(plain.grad(GradMode::kWrite), {});
  op.loss_scale = {};
  launch(context, op);
  Vec<double> want = plain.values();
  for (double& value : want) value *= Tensors::kLossScale;  // a power of two: exact
  EXPECT_EQ(scaled.values(), want);
}

TEST(HeadLoss, ErrorsNameTheOpTheArgumentAndTheValue) {
  Context& context = context_under_test();
  Tensors t(context, {4, 8, 10, {1, 2}}, Dtype::f32, WeightLayout::kOutIn, false, 0);
  HostTensor wrong({4, 8}, Dtype::bf16);
  auto with = [&](const std::vector<int32_t>& rows, const std::vector<int32_t>& targets) {
    t.rows_tensor = HostTensor::ints(rows);
    t.targets_tensor = HostTensor::ints(targets);
    t.losses = HostTensor(t.rows_tensor.shape(), Dtype::f32);
    return error_of([&] { launch_and_wait(t.op({}, {})); });
  };
  EXPECT_EQ(with({1, 2}, {0, 10}), "HeadLoss: targets[1]: expected an index from 0 to 9, got 10");
  EXPECT_EQ(with({1, 2}, {-100, 1}), "HeadLoss: targets[0]: expected an index from 0 to 9, got -100");
  EXPECT_EQ(with({2, 2}, {0, 1}), "HeadLoss: rows[1]: expected more than 2, got 2");
  EXPECT_EQ(with({1, 4}, {0, 1}), "HeadLoss: rows[1]: expected an index from 0 to 3, got 4");
  EXPECT_EQ(with({-1, 2}, {-1, 1}), "HeadLoss: rows[0]: expected an index from 0 to 3, got -1");
  EXPECT_EQ(with({1, -1}, {0, 1}), "HeadLoss: rows[1]: expected an index from 0 to 3, got -1");
  EXPECT_EQ(with({1, 2}, {0, -1}), "HeadLoss: targets[1]: expected an index from 0 to 9, got -1");
  EXPECT_EQ(with({1, -1}, {0, -1}), "");
  EXPECT_EQ(with({1}, {0, 1}), "HeadLoss: targets: expected shape [1], got [2]");
  EXPECT_EQ(with({1, 2}, {0, 1}), "");
  EXPECT_EQ(error_of([&] { launch(context, t.op(wrong.grad(GradMode::kWrite), {})); }),
            "HeadLoss: dhidden: expected f32, got bf16");
  HeadLoss op = t.op({}, {});
  op.loss_scale = t.rows_tensor.in();
  EXPECT_EQ(error_of([&] { launch(context, op); }), "HeadLoss: loss_scale: expected shape [1], got [2]");
}

}  // namespace
}  // namespace lorica
