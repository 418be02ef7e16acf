#pragma once
#include <bit>
#include <cstdint>

#include "kernels/dtype.h"

// Vectors of f32 in the compiler's own vector types, as wide as the instruction set of the build. Attention needs its
// tiles in registers at every optimisation level, which plain loops do not promise.
namespace lorica::cpu {

#ifdef __AVX512F__
constexpr int kLanes = 16;
#else
constexpr int kLanes = 8;
#endif
/// Vector registers across a tile of a product: 4 x 6 accumulators of 32 registers, or 2 x 6 of 16.
constexpr int kTileVectors = kLanes == 16 ? 4 : 2;

using Vec = float __attribute__((vector_size(kLanes * sizeof(float))));
using VecInt = int32_t __attribute__((vector_size(kLanes * sizeof(float))));
using VecAnywhere = float __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));
using VecShort = uint16_t __attribute__((vector_size(kLanes * sizeof(uint16_t)), aligned(2), may_alias));

inline Vec load_vec(const float* p) { return *reinterpret_cast<const VecAnywhere*>(p); }
inline Vec load_vec(const bf16* p) {
  using Wide = uint32_t __attribute__((vector_size(kLanes * sizeof(float))));
  const Wide bits = __builtin_convertvector(*reinterpret_cast<const VecShort*>(p), Wide) << 16;
  return std::bit_cast<Vec>(bits);
}
inline void store_vec(float* p, Vec v) { *reinterpret_cast<VecAnywhere*>(p) = v; }
inline void store_vec(bf16* p, Vec v) {
  using Wide = uint32_t __attribute__((vector_size(kLanes * sizeof(float))));
  const Wide u = std::bit_cast<Wide>(v);
  const Wide rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  const Wide result = v != v ? (u >> 16) | 0x40u : rounded;
  *reinterpret_cast<VecShort*>(p) = __builtin_convertvector(result, VecShort);
}
inline Vec splat(float x) { return x - Vec{}; }

/// 2^t for t < 128, within 1 ulp and exact at 0; 0 below 2^-126, NaN for NaN. Softmax only ever asks for t <= 0, so
/// that the clamps of fast_exp above, and its multiplication by log2(e), are saved.
inline Vec exp2_vec(Vec t) {
  const Vec clamped = t < -126.0f ? splat(-126.0f) : t;  // a NaN fails the test and stays
  const Vec shifted = clamped + 12583039.0f;             // 1.5 * 2^23 + 127: rounds to an integer, exponent bias added
  const Vec r = clamped - (shifted - 12583039.0f);
  Vec p = r * 1.5453163e-4f + 1.3390863e-3f;
  p = p * r + 9.6180826e-3f;
  p = p * r + 5.5503571e-2f;
  p = p * r + 2.4022651e-1f;
  p = p * r + 6.9314719e-1f;
  p = p * r + 1.0f;
  const Vec power = std::bit_cast<Vec>(std::bit_cast<VecInt>(shifted) << 23);
  return t < -126.0f ? Vec{} : p * power;
}

/// tanh, within a few ulp: the series where 1 - e^-2|x| would cancel, else the quotient of exponentials.
inline Vec tanh_vec(Vec x) {
  const Vec magnitude = x < 0.0f ? -x : x;
  const Vec e = exp2_vec(magnitude * -2.88539008f);
  const Vec large = (1.0f - e) / (1.0f + e);
  const Vec s = x * x;
  Vec series = s * 2.1869489e-2f - 5.3968254e-2f;
  series = series * s + 1.3333333e-1f;
  series = series * s - 3.3333333e-1f;
  series = series * s * x + x;
  return magnitude < 0.25f ? series : (x < 0.0f ? -large : large);
}

}  // namespace lorica::cpu
