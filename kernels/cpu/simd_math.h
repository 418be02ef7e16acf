#pragma once
#include <bit>
#include <cstdint>

#include "kernels/dtype.h"

// Branch-free scalar functions that GCC vectorises inside plain loops (checked by -fopt-info-vec). They are
// always inlined: a call left in a loop keeps it scalar.
namespace lorica::cpu {

[[gnu::always_inline]] inline float load(const float* p) { return *p; }
[[gnu::always_inline]] inline float load(const bf16* p) { return static_cast<float>(*p); }
[[gnu::always_inline]] inline void store(float* p, float v) { *p = v; }
[[gnu::always_inline]] inline void store(bf16* p, float v) { *p = bf16(v); }

/// e^x for f32, within 2 ulp; 0 below -87.3, +inf above 88.7, NaN for NaN.
/// Cody-Waite reduction x = n ln 2 + r, |r| <= ln 2 / 2, then a degree-6 polynomial.
[[gnu::always_inline]] inline float fast_exp(float x) {
  const float clamped = x < -87.3f ? -87.3f : (x > 88.7f ? 88.7f : x);  // a NaN fails both tests and stays
  const float shifted = clamped * 1.44269504f + 12582912.0f;            // 1.5 * 2^23: rounds to an integer
  const float n = shifted - 12582912.0f;
  float r = clamped - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  // 2^n in two halves so that n = 128 does not overflow the exponent field
  const int32_t k = static_cast<int32_t>(std::bit_cast<uint32_t>(shifted) - 0x4b400000u);
  const int32_t half = k >> 1;
  const float scale1 = std::bit_cast<float>(static_cast<uint32_t>(half + 127) << 23);
  const float scale2 = std::bit_cast<float>(static_cast<uint32_t>(k - half + 127) << 23);
  const float y = p * scale1 * scale2;
  return x < -87.3f ? 0.0f : (x > 88.7f ? std::bit_cast<float>(0x7f800000u) : y);
}

/// tanh to an absolute error of 2^-23.
[[gnu::always_inline]] inline float fast_tanh(float x) {
  const float e = fast_exp(-2.0f * (x < 0 ? -x : x));
  const float t = (1.0f - e) / (1.0f + e);
  return x < 0 ? -t : t;
}

/// 1 / (1 + e^-x) with a relative error of a few ulp.
[[gnu::always_inline]] inline float fast_sigmoid(float x) { return 1.0f / (1.0f + fast_exp(-x)); }

/// The standard normal distribution P(X <= x) = (1 + erf(x / sqrt 2)) / 2 for f32, given e = e^(-x^2 / 2), which the
/// density needs as well. The upper tail is e * G(1 / (1 + 0.3 |x|)) with G interpolated at 11 Chebyshev nodes for
/// |x| <= 14 to a relative error of 1.2e-8; beyond, e is 0.
[[gnu::always_inline]] inline float normal_cdf(float x, float e) {
  const float t = 1.0f / (1.0f + 0.3f * (x < 0 ? -x : x));
  float g = -0.01784327254f;
  g = g * t + 0.096178554f;
  g = g * t - 0.1865600199f;
  g = g * t + 0.1303268373f;
  g = g * t - 0.02171702497f;
  g = g * t + 0.06020136923f;
  g = g * t + 0.09341480583f;
  g = g * t + 0.106084913f;
  g = g * t + 0.1202960685f;
  g = g * t + 0.1196146756f;
  g = g * t + 3.097255785e-6f;
  const float tail = e * g;
  return x < 0 ? tail : 1.0f - tail;
}

}  // namespace lorica::cpu
