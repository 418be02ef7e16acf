#include <gtest/gtest.h>

#include <complex>
#include <map>

#include "tests/support/close.h"
#include "tests/support/host_tensor.h"
#include "tests/support/tiny_model.h"

namespace lorica {
namespace {

constexpr int64_t kRows = 3, kWidth = 20;

/// A context with random tensors and one parameter [kRows, kWidth].
class TapeTest : public testing::Test {
 protected:
  Tensor random(Shape shape, uint64_t seed, double mean = 0) {
    std::mt19937_64 generator(seed);
    std::normal_distribution<double> normal(mean, 1);
    Tensor t(arena_, shape, Dtype::f32);
    for (int64_t i = 0; i < t.elements(); ++i) t.as<float>()[i] = static_cast<float>(normal(generator));
    return t;
  }
  Parameter parameter(Shape shape, uint64_t seed, double mean = 0) {
    Parameter p;
    p.value = random(shape, seed, mean);
    return p;
  }
  static std::vector<double> doubles(const Tensor& t) { return {t.as<float>(), t.as<float>() + t.elements()}; }
  static std::vector<float> floats(const Tensor& t) { return {t.as<float>(), t.as<float>() + t.elements()}; }

  Context context_;
  Arena arena_;
};

TEST_F(TapeTest, AParameterUsedTwiceGetsTheSum) {
  const Tensor x = random({kRows, kWidth}, 1), dy = random({kRows, kWidth}, 2);
  Parameter shared = parameter({kWidth}, 3, 1), first, second;
  first.value = second.value = shared.value;
  const auto run = [&](Parameter& w1, Parameter& w2) {
    Tape tape(context_, arena_);
    const Var inner = rms_norm(tape, x, tape.leaf(w1), 1e-6f);
    tape.backward(rms_norm(tape, inner, tape.leaf(w2), 1e-6f), dy);
  };
  run(first, second);
  run(shared, shared);
  std::vector<double> sum = doubles(first.gradient);
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += static_cast<double>(second.gradient.as<float>()[i]);
  EXPECT_CLOSE(doubles(shared.gradient), sum, {.c = 4, .scale = 10});
}

TEST_F(TapeTest, FrozenInputsCostNoNode) {
  const Tensor x = random({kRows, kWidth}, 1), w = random({kWidth}, 2);
  Tape tape(context_, arena_);
  const Var y = add(tape, rms_norm(tape, x, w, 1e-6f), activation(tape, x, Activation::kSilu));
  EXPECT_FALSE(y.needs_grad());
  EXPECT_EQ(tape.size(), 0u);
  Parameter p = parameter({kRows, kWidth}, 3);
  const Var z = add(tape, y, tape.leaf(p));
  EXPECT_EQ(tape.size(), 1u);
  tape.backward(z, random({kRows, kWidth}, 4));
  EXPECT_TRUE(p.has_gradient);
}

TEST_F(TapeTest, NothingIsRecordedWhenRecordingIsOff) {
  Parameter p = parameter({kRows, kWidth}, 3);
  Tape tape(context_, arena_, false);
  const Var y = activation(tape, tape.leaf(p), Activation::kSilu);
  EXPECT_FALSE(y.needs_grad());
  EXPECT_EQ(tape.size(), 0u);
  tape.backward(y, random({kRows, kWidth}, 4));
  EXPECT_FALSE(p.has_gradient);
}

TEST_F(TapeTest, WhatTheOutputDoesNotDependOnIsNotRun) {
  Parameter p = parameter({kRows, kWidth}, 3), unused = parameter({kRows, kWidth}, 4);
  Tape tape(context_, arena_);
  const Var y = activation(tape, tape.leaf(p), Activation::kSilu);
  activation(tape, tape.leaf(unused), Activation::kSilu);
  tape.backward(y, random({kRows, kWidth}, 5));
  EXPECT_TRUE(p.has_gradient);
  EXPECT_FALSE(unused.has_gradient);
  EXPECT_EQ(tape.size(), 0u);
}

template <class T>
std::vector<T> silu_of(const std::vector<T>& x) {
  std::vector<T> y;
  for (const T& v : x) y.push_back(v / (1.0 + std::exp(-v)));
  return y;
}
template <class T>
std::vector<T> norm_of(const std::vector<T>& x, const std::vector<double>& w) {
  std::vector<T> y(x.size());
  for (size_t row = 0; row < static_cast<size_t>(kRows); ++row) {
    const size_t at = row * kWidth;
    T squares = 0;
    for (size_t i = 0; i < static_cast<size_t>(kWidth); ++i) squares += x[at + i] * x[at + i];
    const T scale = 1.0 / std::sqrt(squares / static_cast<double>(kWidth) + 1e-6);
    for (size_t i = 0; i < static_cast<size_t>(kWidth); ++i) y[at + i] = x[at + i] * scale * w[i];
  }
  return y;
}
template <class T>
std::vector<T> sum_of_terms(std::vector<T> a, const std::vector<T>& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

/// Gradients are handed on without a copy where a value is only added: what one branch adds must not reach another.
TEST_F(TapeTest, SharedGradientsStayApart) {
  Parameter p = parameter({kRows, kWidth}, 1);
  const Tensor w = random({kWidth}, 2, 1), c = random({kRows, kWidth}, 3), dy = random({kRows, kWidth}, 4);
  const std::vector<double> wd = doubles(w), cd = doubles(c);
  Tape tape(context_, arena_);
  const auto silu = [&](const Var& v) { return activation(tape, v, Activation::kSilu); };
  const auto norm = [&](const Var& v) { return rms_norm(tape, v, w, 1e-6f); };
  const Var x = add(tape, tape.leaf(p), c);
  const Var a = add(tape, x, silu(x));                        // x + f(x)
  const Var b = add(tape, a, norm(a));                        // + g
  const Var both = add(tape, add(tape, b, a), x);             // three readers, all by addition
  const Var diamond = add(tape, silu(both), norm(both));      // two paths that meet again
  const Var flat = reshape(tape, diamond, {kRows * kWidth});  // shares memory forwards and backwards
  const Var y = add(tape, add(tape, reshape(tape, flat, {kRows, kWidth}), both), b);
  tape.backward(y, dy);

  const auto reference = [&]<class T>(const std::vector<T>& value) {
    const std::vector<T> rx = sum_of_terms(value, std::vector<T>(cd.begin(), cd.end()));
    const std::vector<T> ra = sum_of_terms(rx, silu_of(rx)), rb = sum_of_terms(ra, norm_of(ra, wd));
    const std::vector<T> rboth = sum_of_terms(sum_of_terms(rb, ra), rx);
    return sum_of_terms(sum_of_terms(sum_of_terms(silu_of(rboth), norm_of(rboth, wd)), rboth), rb);
  };
  const std::vector<double> want = test::complex_step(doubles(p.value), doubles(dy), reference);
  EXPECT_CLOSE(doubles(p.gradient), want, {.c = 16, .scale = 50});
  EXPECT_EQ(doubles(dy), doubles(random({kRows, kWidth}, 4))) << "the caller's gradient was written to";
}

TEST_F(TapeTest, SlicesOfColumnsFillOneGradient) {
  Parameter p = parameter({kRows, 12}, 1);
  const Tensor dy = random({kRows, 4}, 2);
  Tape tape(context_, arena_);
  const Var x = tape.leaf(p);
  const Var y = add(tape, columns(tape, x, 0, 4), columns(tape, x, 2, 4));  // 10 and 11 are not read
  tape.backward(y, dy);
  for (int64_t row = 0; row < kRows; ++row)
    for (int64_t i = 0; i < 12; ++i) {
      const float* d = dy.as<float>() + row * 4;
      const float want = (i < 4 ? d[i] : 0.0f) + (i >= 2 && i < 6 ? d[i - 2] : 0.0f);
      EXPECT_FLOAT_EQ(p.gradient.as<float>()[row * 12 + i], want);
    }
}

TEST(ModelTape, MicroBatchesAddUp) {
  for (const char* family : {"llama", "gpt2"}) {
    test::TinyModel tiny(family);
    tiny.adapt({.r = 4, .lora_alpha = 8});
    const Batch a = test::random_batch({9, 14}, 1), b = test::random_batch({20}, 2);
    const auto alone = [&](const Batch& batch) {
      test::clear_gradients(*tiny.model);
      forward_backward(*tiny.model, batch, {.loss_scale = 0.02f});
      return test::gradients_of(*tiny.model);
    };
    const std::vector<float> ga = alone(a), gb = alone(b);
    alone(a);
    forward_backward(*tiny.model, b, {.loss_scale = 0.02f});
    const std::vector<float> both = test::gradients_of(*tiny.model);
    std::vector<double> want(ga.begin(), ga.end()), got(both.begin(), both.end());
    for (size_t i = 0; i < want.size(); ++i) want[i] += static_cast<double>(gb[i]);
    EXPECT_CLOSE(got, want, {.c = 8, .scale = 1});
  }
}

/// One pass as forward_backward does it, with the tape's settings in the test's hands.
struct Pass {
  std::vector<float> losses, gradients;
  size_t peak = 0;  ///< bytes above what the model itself holds
};
Pass pass(const std::string& family, bool recompute_cheap, bool recompute_blocks, double dropout,
          Dtype dtype = Dtype::f32) {
  test::TinyModel tiny(family, dtype);
  tiny.adapt({.r = 4, .lora_alpha = 8, .lora_dropout = dropout});
  const size_t before = tiny.arena.bytes_in_use();
  const Batch batch = test::random_batch({60, 60, 50, 64}, 3);
  Tape tape(tiny.context, tiny.arena);
  tape.set_dropout(17, tensor_of(tiny.arena, std::vector<int64_t>{5 << 16}));
  tape.set_recompute_cheap(recompute_cheap);
  const TokenBatch tokens = TokenBatch::of(tiny.arena, batch.ids, batch.positions, batch.cu_seqlens);
  Var hidden = tiny.model->hidden(tape, tokens, recompute_blocks);
  const HeadLossResult result =
      tiny.model->loss(tape, hidden, tensor_of(tiny.arena, batch.rows), tensor_of(tiny.arena, batch.targets),
                       tensor_of(tiny.arena, std::vector{0.01f}));
  hidden = Var();
  tape.backward(result.loss);
  return {{result.losses.as<float>(), result.losses.as<float>() + result.losses.elements()},
          test::gradients_of(*tiny.model),
          tiny.arena.peak_bytes_in_use() - before};
}

class Recomputing : public testing::TestWithParam<std::tuple<const char*, Dtype>> {};

TEST_P(Recomputing, CheapValuesSavesMemoryAndChangesNoBit) {
  const auto [family, dtype] = GetParam();
  const Pass kept = pass(family, false, false, 0.2, dtype), again = pass(family, true, false, 0.2, dtype);
  EXPECT_EQ(kept.losses, again.losses);
  EXPECT_EQ(kept.gradients, again.gradients);
  EXPECT_LT(again.peak, kept.peak);
}

TEST_P(Recomputing, BlocksSavesMemoryAndChangesNoBit) {
  const auto [family, dtype] = GetParam();
  for (double dropout : {0.0, 0.3}) {
    const Pass plain = pass(family, true, false, dropout, dtype), again = pass(family, true, true, dropout, dtype);
    EXPECT_EQ(plain.losses, again.losses);
    EXPECT_EQ(plain.gradients, again.gradients);
    EXPECT_LT(again.peak, plain.peak * 3 / 4);
  }
  EXPECT_NE(pass(family, true, true, 0.3, dtype).losses, pass(family, true, true, 0.0, dtype).losses);
}
INSTANTIATE_TEST_SUITE_P(ModelTape, Recomputing,
                         testing::Combine(testing::Values("llama", "gpt2", "qwen3"),
                                          testing::Values(Dtype::f32, Dtype::bf16)));

TEST(ModelTape, CheckpointPassesFrozenInputsThrough) {
  // the lowest block has neither an adapter nor an input with a gradient: no node at all
  test::TinyModel tiny;
  tiny.adapt({.r = 4, .lora_alpha = 8, .layers_to_transform = {1}});
  const Batch batch = test::random_batch({12, 9}, 3);
  const MicroStepOptions plain{.loss_scale = 0.1f}, blocks{.loss_scale = 0.1f, .recompute_blocks = true};
  forward_backward(*tiny.model, batch, plain);
  const std::vector<float> want = test::gradients_of(*tiny.model);
  test::clear_gradients(*tiny.model);
  std::map<std::string, int> seen;
  MicroStepOptions watched = blocks;
  watched.inspector = [&](const char* op, bool backward, const Tensor&) {
    if (!backward) ++seen[op];
  };
  forward_backward(*tiny.model, batch, watched);
  EXPECT_EQ(test::gradients_of(*tiny.model), want);
  EXPECT_EQ(seen["attention"], 3);  // both blocks, and the upper one once more
}

TEST(ModelTape, NodesAreFreedAsBackwardGoes) {
  test::TinyModel tiny;
  tiny.adapt({.r = 4, .lora_alpha = 8});
  const Batch batch = test::random_batch({60, 60, 50, 64}, 3);
  forward_backward(*tiny.model, batch, {.loss_scale = 0.1f});  // gradients and tables are there from now on
  const size_t before = tiny.arena.bytes_in_use();
  std::vector<size_t> in_use;
  MicroStepOptions options{.loss_scale = 0.1f};
  options.inspector = [&](const char* op, bool backward, const Tensor&) {
    if (backward && std::string(op) == "attention") in_use.push_back(tiny.arena.bytes_in_use());
  };
  forward_backward(*tiny.model, batch, options);
  ASSERT_EQ(in_use.size(), 6u);  // dq, dk, dv of two blocks
  EXPECT_LT(in_use.back() - before, (in_use.front() - before) * 2 / 3);
  EXPECT_EQ(tiny.arena.bytes_in_use(), before);
}

TEST(ModelTape, BackwardStopsAtTheLowestAdapter) {
  const auto ops_backward = [](const std::vector<int>& layers) {
    test::TinyModel tiny;
    tiny.adapt({.r = 4, .lora_alpha = 8, .target_modules = {"q_proj", "v_proj"}, .layers_to_transform = layers});
    std::map<std::string, int> counts;
    MicroStepOptions options{.loss_scale = 0.1f};
    options.inspector = [&](const char* op, bool backward, const Tensor&) {
      if (backward) ++counts[op];
    };
    forward_backward(*tiny.model, test::random_batch({12, 9}, 3), options);
    return counts;
  };
  std::map<std::string, int> upper = ops_backward({1}), both = ops_backward({0, 1});
  EXPECT_EQ(upper["attention"], 2);  // q and v; k is frozen below
  EXPECT_EQ(upper["rms_norm"], 2);   // the last norm and the one before the MLP: not the one that feeds q, k and v
  EXPECT_EQ(upper["lora_linear"], 4);
  EXPECT_EQ(upper["rope"], 1);
  EXPECT_EQ(upper.count("embedding"), 0u);
  EXPECT_EQ(both["attention"], 2 + 3);
  EXPECT_EQ(both["lora_linear"], 4 + 6);
  EXPECT_EQ(both.count("embedding"), 0u);
}

TEST(ModelTape, PackedDocumentsHaveTheLossesTheyHaveAlone) {
  for (const char* family : {"llama", "gpt2", "mistral_window"}) {
    test::TinyModel tiny(family);
    const Batch packed = test::random_batch({11, 1, 23, 7}, 9);
    const std::vector<float> together = forward_losses(*tiny.model, packed);
    std::vector<double> alone, got(together.begin(), together.end());
    for (size_t d = 0; d + 1 < packed.cu_seqlens.size(); ++d) {
      const auto begin = packed.cu_seqlens[d], end = packed.cu_seqlens[d + 1];
      Batch one;
      one.ids = {packed.ids.begin() + begin, packed.ids.begin() + end};
      one.positions = {packed.positions.begin() + begin, packed.positions.begin() + end};
      one.cu_seqlens = {0, end - begin};
      for (int32_t t = 0; t + 1 < end - begin; ++t) {
        one.rows.push_back(t);
        one.targets.push_back(one.ids[static_cast<size_t>(t) + 1]);
      }
      const std::vector<float> losses = forward_losses(*tiny.model, one);
      alone.insert(alone.end(), losses.begin(), losses.end());
    }
    EXPECT_CLOSE(got, alone, {.c = 64, .scale = 1});
  }
}

}  // namespace
}  // namespace lorica
