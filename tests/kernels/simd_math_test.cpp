#include "kernels/cpu/simd_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace lorica::cpu {
namespace {

constexpr double kUlp = 0x1p-23;
const float kNan = std::numeric_limits<float>::quiet_NaN();
const float kInfinity = std::numeric_limits<float>::infinity();

TEST(SimdMath, ExpWithinTwoUlp) {
  for (double x = -87.2; x < 88.6; x += 0.00123) {
    const float f = static_cast<float>(x);
    const double ref = std::exp(static_cast<double>(f));
    ASSERT_NEAR(fast_exp(f), ref, 2 * kUlp * ref) << f;
  }
  EXPECT_EQ(fast_exp(0), 1);
  EXPECT_EQ(fast_exp(-88), 0);
  EXPECT_EQ(fast_exp(-kInfinity), 0);
  EXPECT_EQ(fast_exp(89), kInfinity);
  EXPECT_EQ(fast_exp(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(fast_exp(kNan)));
  EXPECT_TRUE(std::isnan(fast_exp(-kNan)));
}

TEST(SimdMath, TanhAndSigmoid) {
  for (double x = -40; x < 40; x += 0.00071) {
    const float f = static_cast<float>(x);
    const double s = 1 / (1 + std::exp(-static_cast<double>(f)));
    ASSERT_NEAR(fast_tanh(f), std::tanh(static_cast<double>(f)), kUlp) << f;
    ASSERT_NEAR(fast_sigmoid(f), s, 3 * kUlp * s) << f;
  }
  EXPECT_EQ(fast_tanh(kInfinity), 1);
  EXPECT_EQ(fast_tanh(-kInfinity), -1);
  EXPECT_EQ(fast_sigmoid(-kInfinity), 0);
  EXPECT_TRUE(std::isnan(fast_tanh(kNan)));
  EXPECT_TRUE(std::isnan(fast_sigmoid(kNan)));
}

TEST(SimdMath, NormalDistribution) {
  for (double x = -13; x < 13; x += 0.00041) {
    const float f = static_cast<float>(x);
    const double xd = static_cast<double>(f), ref = 0.5 * std::erfc(-xd / std::sqrt(2.0));
    // e^(-x^2/2) turns the rounding of its argument into a relative error
    const float e = fast_exp(-0.5f * f * f);
    ASSERT_NEAR(normal_cdf(f, e), ref, kUlp * (6 + xd * xd / 2) * ref) << f;
  }
  EXPECT_EQ(normal_cdf(kInfinity, 0), 1);
  EXPECT_EQ(normal_cdf(-kInfinity, 0), 0);
  EXPECT_TRUE(std::isnan(normal_cdf(kNan, kNan)));
}

}  // namespace
}  // namespace lorica::cpu
