#include "recipes/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "io/formats/file_bytes.h"
#include "kernels/error.h"

namespace lorica {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// The sampler of one sequence.
struct One {
  explicit One(const SamplingOptions& options, size_t sequence = 0) : sampler(context, arena, options, sequence, 1) {}
  int32_t next(const std::vector<float>& logits, const std::vector<int32_t>& seen = {}) {
    const std::vector<int32_t>* const all[] = {&seen};
    return sampler.next({logits.data(), {1, static_cast<int64_t>(logits.size())}, Dtype::f32}, all)[0];
  }
  Context context;
  Arena arena;
  Sampler sampler;
};

int32_t choose(const std::vector<float>& logits, const SamplingOptions& options,
               const std::vector<int32_t>& seen = {}) {
  return One(options).next(logits, seen);
}

TEST(Sampler, GreedyTakesTheLargestAndOfEqualsTheLowest) {
  EXPECT_EQ(choose({0.5f, -1, 2, 1}, {}), 2);
  EXPECT_EQ(choose({1, 3, 0, 3, 3}, {}), 1);
  EXPECT_EQ(choose({-kInfinity, -5, -kInfinity}, {}), 1);
  EXPECT_EQ(choose({2, 3, 1}, {.repetition_penalty = 2}, {1, 1}), 0);  // 3 / 2, once
  EXPECT_EQ(choose({-2, -1, -4}, {.repetition_penalty = 3}, {1}), 0);  // -1 * 3
  EXPECT_EQ(choose({1, 3, 0, 3}, {.temperature = 1, .top_k = 1}), 1);
}

TEST(Sampler, LogitsThatAreNotFiniteThrow) {
  for (double temperature : {0.0, 1.0}) {
    const SamplingOptions options{.temperature = temperature};
    EXPECT_THROW(choose({1, kNan, 2}, options), RunError);
    EXPECT_THROW(choose({kNan, 1, 2}, options), RunError);
    EXPECT_THROW(choose({1, 2, kNan}, options), RunError);
    EXPECT_THROW(choose({1, kInfinity}, options), RunError);
    EXPECT_THROW(choose({-kInfinity, -kInfinity}, options), RunError);
    EXPECT_THROW(choose({}, options), RunError);
  }
  EXPECT_EQ(choose({-kInfinity, 1, -kInfinity}, {.temperature = 1}), 1);
}

TEST(Sampler, SameSeedSameTokens) {
  const std::vector<float> logits(50, 0.0f);
  const auto draw = [&](uint64_t seed, size_t sequence) {
    One sampler({.temperature = 1, .seed = seed}, sequence);
    std::vector<int32_t> tokens;
    for (int i = 0; i < 40; ++i) tokens.push_back(sampler.next(logits));
    return tokens;
  };
  EXPECT_EQ(draw(3, 0), draw(3, 0));
  EXPECT_NE(draw(3, 0), draw(4, 0));
  EXPECT_NE(draw(3, 0), draw(3, 1));
}

TEST(Sampler, ABatchGivesEachSequenceWhatItGetsAlone) {
  Context context;
  Arena arena;
  const SamplingOptions options{.temperature = 1, .repetition_penalty = 1.3, .seed = 9};
  std::vector<float> logits;
  for (int i = 0; i < 3 * 40; ++i) logits.push_back(static_cast<float>(i * 37 % 11) / 4);
  const std::vector<int32_t> first = {1, 5, 7}, last = {2};
  Sampler together(context, arena, options, 4, 3);
  One alone_first(options, 4), alone_last(options, 6);
  for (int step = 0; step < 10; ++step) {
    const std::vector<int32_t>* const seen[] = {&first, nullptr, &last};
    const std::vector<int32_t> ids = together.next({logits.data(), {3, 40}, Dtype::f32}, seen);
    EXPECT_EQ(ids[0], alone_first.next({logits.begin(), logits.begin() + 40}, first));
    EXPECT_EQ(ids[1], -1);
    EXPECT_EQ(ids[2], alone_last.next({logits.begin() + 80, logits.end()}, last));
  }
}

/// Draws over many seeds follow the probabilities that Transformers' processors leave: each count within five standard
/// deviations, and nothing that they rule out.
TEST(Sampler, FrequenciesAreThoseOfTransformers) {
  const auto cases = nlohmann::json::parse(read_file(TEST_DATA "/sampler/cases.json"));
  ASSERT_GE(cases.size(), 10u);
  constexpr int kSeeds = 2000, kDraws = 10;
  for (const auto& c : cases) {
    const auto& o = c["options"];
    SCOPED_TRACE(o.dump());
    SamplingOptions options{.temperature = o["temperature"],
                            .top_k = o.value("top_k", int64_t{0}),
                            .top_p = o.value("top_p", 1.0),
                            .min_p = o.value("min_p", 0.0),
                            .repetition_penalty = o.value("repetition_penalty", 1.0)};
    const auto logits = c["logits"].get<std::vector<float>>();
    const auto seen = c["seen"].get<std::vector<int32_t>>();
    const auto expected = c["probabilities"].get<std::vector<double>>();
    std::vector<int> counts(logits.size());
    for (int seed = 0; seed < kSeeds; ++seed) {
      options.seed = static_cast<uint64_t>(seed);
      One sampler(options, 5);
      for (int i = 0; i < kDraws; ++i) ++counts[static_cast<size_t>(sampler.next(logits, seen))];
    }
    constexpr double kAll = double{kSeeds} * kDraws;
    for (size_t i = 0; i < counts.size(); ++i) {
      const double p = expected[i], bound = 5 * std::sqrt(kAll * p * (1 - p)) + (p > 0 && p < 1 ? 1 : 1e-9);
      EXPECT_NEAR(counts[i], kAll * p, bound) << "token " << i;
    }
  }
}

}  // namespace
}  // namespace lorica
