#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lorica {

/// Element types of tensors in memory and in files. Ops compute in f32 and bf16; the others are read and converted.
enum class Dtype : uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean };

constexpr size_t size_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
    case Dtype::i64:
      return 8;
    case Dtype::f32:
    case Dtype::i32:
      return 4;
    case Dtype::f16:
    case Dtype::bf16:
    case Dtype::i16:
      return 2;
    default:
      return 1;
  }
}

constexpr std::string_view name_of(Dtype dtype) {
  constexpr std::string_view kNames[] = {"f64", "f32", "f16", "bf16", "i64", "i32", "i16", "i8", "u8", "bool"};
  return kNames[static_cast<size_t>(dtype)];
}

/// bfloat16: the upper half of an f32. Conversion from f32 rounds to nearest even and keeps NaN a NaN.
struct bf16 {
  uint16_t bits = 0;

  bf16() = default;
  explicit bf16(float value) {
    const uint32_t u = std::bit_cast<uint32_t>(value);
    const uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    const uint32_t quiet_nan = (u >> 16) | 0x40u;
    bits = static_cast<uint16_t>((u & 0x7fffffffu) > 0x7f800000u ? quiet_nan : rounded);
  }
  explicit operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
};

/// IEEE half precision, for files only.
struct f16 {
  uint16_t bits = 0;

  f16() = default;
  explicit f16(float value);
  explicit operator float() const;
};

template <class T>
constexpr Dtype dtype_of();
template <>
constexpr Dtype dtype_of<double>() {
  return Dtype::f64;
}
template <>
constexpr Dtype dtype_of<float>() {
  return Dtype::f32;
}
template <>
constexpr Dtype dtype_of<f16>() {
  return Dtype::f16;
}
template <>
constexpr Dtype dtype_of<bf16>() {
  return Dtype::bf16;
}
template <>
constexpr Dtype dtype_of<int64_t>() {
  return Dtype::i64;
}
template <>
constexpr Dtype dtype_of<int32_t>() {
  return Dtype::i32;
}
template <>
constexpr Dtype dtype_of<uint8_t>() {
  return Dtype::u8;
}

}  // namespace lorica
