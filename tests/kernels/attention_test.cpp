#include <gtest/gtest.h>

#include "tests/kernels/attention_fixture.h"
#include "tests/support/close.h"

namespace lorica::test {
namespace {

const std::vector<AttentionCase>& small_cases() {
  static const std::vector<AttentionCase> cases = {
      attention_case({5, 1, 0, 4}, 2, 2, 8),      attention_case({7}, 4, 2, 3),
      attention_case({6, 5}, 3, 1, 5, 2),         attention_case({9}, 2, 1, 4, 0, 1.5),
      attention_case({1, 8, 3}, 6, 2, 8, 3, 2.0),
  };
  return cases;
}

/// Cases with more pairs than an emulator runs in good time are left out there.
std::vector<AttentionCase> large_cases() {
  std::vector<AttentionCase> cases = {
      attention_case({1}, 1, 1, 64),
      attention_case({7}, 9, 3, 64),
      attention_case({64}, 3, 3, 32),
      attention_case({65}, 4, 2, 24),
      attention_case({129}, 3, 1, 80),
      attention_case({257}, 6, 2, 128),
      attention_case({600}, 9, 3, 64),
      attention_case({0, 33, 1, 0, 0, 131, 64, 5, 0}, 4, 2, 64),
      attention_case({257, 70}, 4, 4, 8, 5),
      attention_case({257, 70}, 3, 1, 32, 64),
      attention_case({300}, 4, 2, 17, 100),
      attention_case({200, 90}, 2, 1, 64, 1),
      attention_case({200, 90}, 2, 1, 64, 1000),
      attention_case({150, 31}, 4, 2, 64, 0, 3.0),
      attention_case({201}, 5, 1, 40, 70, 20.0),
      attention_case({130}, 2, 2, 96),
      attention_case({70, 60, 0, 0, 0}, 2, 1, 256),
      attention_case({40}, 2, 1, 128, 0, 2.0),
      attention_case({5, 3, 30, 2, 60, 29, 1, 9}, 8, 1, 16),  // many documents in one tile
      attention_case({100}, 8, 1, 33, 20),
      attention_case({70}, 2, 1, 300),
  };
  if (emulated()) std::erase_if(cases, [](const AttentionCase& c) { return c.tokens() * c.heads > 1100; });
  return cases;
}

std::string name_of_case(const AttentionCase& c) {
  return fmt::format("T {} documents {} H {} Hkv {} d {} window {} softcap {}", c.tokens(), c.cu.size() - 1, c.heads,
                     c.kv_heads, c.d, c.window, c.softcap);
}

/// A score is a sum of d products, and its error (in units of eps) carries over to everything behind it.
double score_size(const AttentionRun& r) { return 8 + 2 * std::abs(r.c.scale) * static_cast<double>(r.c.d); }

TEST(Attention, ReferenceGradientsAgreeWithTheComplexStep) {
  for (const AttentionCase& c : small_cases()) {
    SCOPED_TRACE(name_of_case(c));
    const AttentionRun r(c);
    const auto q = r.q.values(), k = r.k.values(), v = r.v.values(), dy = r.dy.values();
    using Complex = std::vector<std::complex<double>>;
    const Complex cq(q.begin(), q.end()), ck(k.begin(), k.end()), cv(v.begin(), v.end());
    const AttentionGrads g = r.reference_grads();
    const Limit tight{.dtype = Dtype::f32, .c = 1e-6, .scale = 1};
    EXPECT_EQ(
        close_failure(g.dq, complex_step(q, dy, [&](const Complex& z) { return reference_attention(c, z, ck, cv); }),
                      tight),
        "");
    EXPECT_EQ(
        close_failure(g.dk, complex_step(k, dy, [&](const Complex& z) { return reference_attention(c, cq, z, cv); }),
                      tight),
        "");
    EXPECT_EQ(
        close_failure(g.dv, complex_step(v, dy, [&](const Complex& z) { return reference_attention(c, cq, ck, z); }),
                      tight),
        "");
  }
}

void expect_forward_and_backward(const AttentionCase& c) {
  SCOPED_TRACE(name_of_case(c));
  AttentionRun r(c);
  r.forward();
  std::vector<double> lse;
  const auto o = reference_attention(c, r.q.values(), r.k.values(), r.v.values(), &lse);
  const double size = score_size(r);
  EXPECT_CLOSE(r.o.values(), o, {.c = size, .scale = 1});
  EXPECT_CLOSE(r.lse.values(), lse, {.c = 4, .scale = size});
  r.backward();
  const AttentionGrads g = r.reference_grads();
  EXPECT_CLOSE(r.dq.values(), g.dq, {.c = size, .scales = &g.dq_scale});
  EXPECT_CLOSE(r.dk.values(), g.dk, {.c = size, .scales = &g.dk_scale});
  EXPECT_CLOSE(r.dv.values(), g.dv, {.c = size, .scales = &g.dv_scale});
}

TEST(Attention, SmallSizesAgreeWithTheDoubleReference) {
  for (const AttentionCase& c : small_cases()) expect_forward_and_backward(c);
}

TEST(Attention, LargeSizesAgreeWithTheDoubleReference) {
  for (const AttentionCase& c : large_cases()) expect_forward_and_backward(c);
}

TEST(Attention, NegativeScaleAndNoLse) {
  AttentionCase c = attention_case({70}, 2, 1, 16);
  c.scale = -0.5;
  expect_forward_and_backward(c);
  AttentionRun with(c), without(c);
  with.forward();
  AttentionFwd op = without.forward_op();
  op.lse = {};
  launch(without.context, op);
  EXPECT_EQ(with.o.values(), without.o.values());
}

/// Scores and probabilities rounded to bf16 where a plain bf16 version rounds them, sums in f32 or better.
std::vector<double> naive_bf16(const AttentionRun& r) {
  auto round = [](double x) { return static_cast<double>(static_cast<float>(bf16(static_cast<float>(x)))); };
  const AttentionCase& c = r.c;
  const auto q = r.q.values(), k = r.k.values(), v = r.v.values();
  std::vector<double> o(q.size());
  for (int64_t t = 0; t < c.tokens(); ++t)
    for (int64_t h = 0; h < c.heads; ++h) {
      auto at = [&](int64_t s, int64_t i) {
        return static_cast<size_t>((s * c.kv_heads + h / (c.heads / c.kv_heads)) * c.d + i);
      };
      auto row = [&](int64_t i) { return static_cast<size_t>((t * c.heads + h) * c.d + i); };
      std::vector<double> p(static_cast<size_t>(t + 1));
      double largest = -HUGE_VAL, sum = 0;
      for (int64_t s = 0; s <= t; ++s) {
        double x = 0;
        for (int64_t i = 0; i < c.d; ++i) x += q[row(i)] * k[at(s, i)];
        p[static_cast<size_t>(s)] = round(round(x) * c.scale);
        largest = std::max(largest, p[static_cast<size_t>(s)]);
      }
      for (double& x : p) sum += x = std::exp(x - largest);
      for (int64_t i = 0; i < c.d; ++i) {
        double total = 0;
        for (int64_t s = 0; s <= t; ++s) total += round(p[static_cast<size_t>(s)] / sum) * v[at(s, i)];
        o[row(i)] = round(total);
      }
    }
  return o;
}

double worst_error(const std::vector<double>& got, const std::vector<double>& reference) {
  double worst = 0;
  for (size_t i = 0; i < got.size(); ++i) worst = std::max(worst, std::abs(got[i] - reference[i]));
  return worst;
}

TEST(Attention, Bf16ErrsAtMostTwiceAsMuchAsANaiveVersion) {
  for (int64_t d : {24, 64, 96, 128, 256}) {
    AttentionRun r(attention_case({257}, 4, 2, d), Dtype::bf16);
    r.forward();
    EXPECT_LE(worst_error(r.o.values(), r.reference()), 2 * worst_error(naive_bf16(r), r.reference())) << d;
  }
}

TEST(Attention, Bf16BackwardAgreesWithTheDoubleReference) {
  for (const AttentionCase& attention : large_cases()) {
    SCOPED_TRACE(name_of_case(attention));
    AttentionRun r(attention, Dtype::bf16);
    r.forward();
    r.backward();
    const AttentionGrads g = r.reference_grads();
    // o is rounded to bf16 before D is made from it, hence the scale: not the result's rounding alone. Matrix units
    // take P and dS rounded to bf16 too.
    const bool rounds_p = r.context.device == Device::kCuda;
    const double c_dqk = rounds_p ? 2.02 : 1;
    EXPECT_CLOSE(r.dq.values(), g.dq, {.dtype = Dtype::bf16, .c = c_dqk, .scales = &g.dq_scale});
    EXPECT_CLOSE(r.dk.values(), g.dk, {.dtype = Dtype::bf16, .c = c_dqk, .scales = &g.dk_scale});
    if (rounds_p)
      EXPECT_CLOSE(r.dv.values(), g.dv, {.dtype = Dtype::bf16, .c = 2.02, .scales = &g.dv_scale});
    else
      EXPECT_CLOSE(r.dv.values(), g.dv, {.dtype = Dtype::bf16, .c = 2.02, .scale = 1e-3});
  }
}

/// Bit for bit on the CPU, whose blocks start with a document. On a GPU they do not, so that sums are grouped
/// differently; bf16 parts of them are then rounded differently.
void expect_same_as_alone(const HostTensor& alone, const std::vector<double>& packed) {
  if (context_under_test().device == Device::kCpu)
    EXPECT_EQ(alone.values(), packed);
  else
    EXPECT_CLOSE(alone.values(), packed, {.dtype = alone.in().dtype, .c = 24, .scale = 1});
}

TEST(Attention, PackedEqualsDocumentsAlone) {
  for (Dtype dtype : {Dtype::f32, Dtype::bf16})
    for (int window : {0, 50}) {
      const std::vector<int32_t> lengths = {70, 1, 0, 133, 64};
      AttentionRun packed(attention_case(lengths, 6, 2, 32, window), dtype);
      packed.forward();
      packed.backward();
      int32_t begin = 0;
      for (int32_t length : lengths) {
        AttentionRun alone(attention_case({length}, 6, 2, 32, window), dtype);
        auto slice = [&](const HostTensor& all, const HostTensor& part) {
          const auto values = all.values();
          const auto first = values.begin() + begin * part.shape()[1] * part.shape()[2];
          return std::vector<double>(first, first + part.shape().elements());
        };
        for (auto [part, all] :
             {std::pair{&alone.q, &packed.q}, {&alone.k, &packed.k}, {&alone.v, &packed.v}, {&alone.dy, &packed.dy}})
          *part = HostTensor(part->shape(), dtype, slice(*all, *part));
        alone.forward();
        alone.backward();
        SCOPED_TRACE(length);
        expect_same_as_alone(alone.o, slice(packed.o, alone.o));
        expect_same_as_alone(alone.dq, slice(packed.dq, alone.dq));
        expect_same_as_alone(alone.dk, slice(packed.dk, alone.dk));
        expect_same_as_alone(alone.dv, slice(packed.dv, alone.dv));
        begin += length;
      }
    }
}

TEST(Attention, GradientModesSkipWriteAndAdd) {
  for (Dtype dtype : {Dtype::f32, Dtype::bf16})
    for (double softcap : {0.0, 4.0}) {
      AttentionRun r(attention_case({130, 20}, 4, 2, 24, 90, softcap), dtype);
      r.forward();
      r.backward();
      const auto dq = r.dq.values(), dk = r.dk.values(), dv = r.dv.values();
      // each alone equals all together, and leaves the others untouched (their memory starts as NaN)
      for (int wanted = 0; wanted < 8; ++wanted) {
        AttentionRun some(r.c, dtype);
        some.forward();
        AttentionBwd op = some.backward_op();
        for (int i = 0; i < 3; ++i)
          if (!(wanted >> i & 1)) (i == 0 ? op.dq : i == 1 ? op.dk : op.dv) = {};
        launch(some.context, op);
        for (int i = 0; i < 3; ++i) {
          const auto got = (i == 0 ? some.dq : i == 1 ? some.dk : some.dv).values();
          if (wanted >> i & 1)
            EXPECT_EQ(got, i == 0 ? dq : i == 1 ? dk : dv) << wanted;
          else
            for (double x : got) ASSERT_TRUE(std::isnan(x));
        }
      }
      r.backward(GradMode::kAdd);
      auto twice = [](std::vector<double> x) {
        for (double& value : x) value *= 2;
        return x;
      };
      EXPECT_CLOSE(r.dq.values(), twice(dq), {.dtype = dtype, .c = 1.01});
      EXPECT_CLOSE(r.dk.values(), twice(dk), {.dtype = dtype, .c = 1.01});
      EXPECT_CLOSE(r.dv.values(), twice(dv), {.dtype = dtype, .c = 1.01});
    }
}

TEST(Attention, SameBitsFromASecondRun) {
  for (Dtype dtype : {Dtype::f32, Dtype::bf16}) {
    const AttentionCase c = attention_case({150, 7, 90}, 6, 2, 64, 100);
    AttentionRun first(c, dtype), second(c, dtype);
    for (AttentionRun* r : {&first, &second}) r->forward(), r->backward();
    EXPECT_EQ(first.o.values(), second.o.values());
    EXPECT_EQ(first.lse.values(), second.lse.values());
    EXPECT_EQ(first.dq.values(), second.dq.values());
    EXPECT_EQ(first.dk.values(), second.dk.values());
    EXPECT_EQ(first.dv.values(), second.dv.values());
  }
}

TEST(Attention, HugeScoresStayFinite) {
  AttentionRun r(attention_case({200}, 2, 1, 64), Dtype::f32, 40);  // scores of some thousands
  r.q.set(0, 1e4), r.k.set(0, 10), r.q.set(64 * 2 * 150, -1e4);
  r.forward();
  r.backward();
  for (const HostTensor* t : {&r.o, &r.lse, &r.dq, &r.dk, &r.dv})
    for (double x : t->values()) ASSERT_TRUE(std::isfinite(x));
  // at such scores the softmax picks one key; f32 rounding of scores of 1e4 moves probabilities by 1e-2 at the most
  EXPECT_LE(worst_error(r.o.values(), r.reference()), 2e-2);
}

TEST(Attention, NanReachesWhoSeesItAndNobodyElse) {
  const AttentionCase c = attention_case({40, 200}, 2, 1, 32);
  const size_t row = 32, nan_token = 40 + 100;
  for (int which = 0; which < 3; ++which) {
    AttentionRun r(c);
    HostTensor& input = which == 0 ? r.q : which == 1 ? r.k : r.v;
    input.set(nan_token * row * (which == 0 ? 2 : 1) + 3, NAN);
    r.forward();
    auto is_nan = [&](size_t token) { return std::isnan(r.o.get(token * 2 * row + 3)); };
    EXPECT_TRUE(is_nan(nan_token));
    for (size_t token = nan_token + 1; token < 240; ++token) ASSERT_EQ(is_nan(token), which != 0) << token;
    for (size_t token = 0; token < 40; ++token) ASSERT_FALSE(is_nan(token)) << "other document";
    for (size_t token = 40; token < 40 + 64; ++token) ASSERT_FALSE(is_nan(token)) << "earlier block";
  }
}

TEST(Attention, ErrorsNameOpAndArgument) {
  auto message = [](auto&& change, bool backward) -> std::string {
    AttentionRun r(attention_case({8, 5}, 4, 2, 16));
    AttentionFwd fwd = r.forward_op();
    AttentionBwd bwd = r.backward_op();
    change(fwd, bwd);
    try {
      backward ? launch(r.context, bwd) : launch(r.context, fwd);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  using F = AttentionFwd;
  using B = AttentionBwd;
  EXPECT_EQ(message(
                [](F& f, B&) {
                  f.k.shape[1] = 3;
                  f.v.shape[1] = 3;
                },
                false),
            "AttentionFwd: k: expected a head count that divides the 4 of q, got 3");
  EXPECT_EQ(message([](F& f, B&) { f.v.shape[2] = 8; }, false),
            "AttentionFwd: v: expected shape [13, 2, 16], got [13, 2, 8]");
  EXPECT_EQ(message([](F& f, B&) { f.window = -1; }, false),
            "AttentionFwd: window: expected 0 (none) or a positive number, got -1");
  EXPECT_EQ(message(
                [](F& f, B&) {
                  f.lse.shape = {13, 4};
                },
                false),
            "AttentionFwd: lse: expected shape [4, 13], got [13, 4]");
  EXPECT_EQ(message([](F&, B& b) { b.dk.tensor.dtype = Dtype::bf16; }, true),
            "AttentionBwd: dk: expected f32, got bf16");
  EXPECT_EQ(message([](F&, B& b) { b.do_.shape[0] = 12; }, true),
            "AttentionBwd: do_: expected shape [13, 4, 16], got [12, 4, 16]");
}

TEST(Attention, CostCountsVisiblePairs) {
  AttentionRun whole(attention_case({64, 64}, 4, 2, 16)), windowed(attention_case({64, 64}, 4, 2, 16, 10));
  const double pairs = 2 * 64 * 65 / 2, windowed_pairs = 2 * (55 + 54 * 10);
  EXPECT_EQ(whole.forward_op().cost().flops, 4 * pairs * 64);
  EXPECT_EQ(windowed.forward_op().cost().flops, 4 * windowed_pairs * 64);
  AttentionBwd op = whole.backward_op();
  EXPECT_EQ(op.cost().flops, 10 * pairs * 64);
  op.dk = {}, op.dv = {};
  EXPECT_EQ(op.cost().flops, 6 * pairs * 64);
}

}  // namespace
}  // namespace lorica::test
