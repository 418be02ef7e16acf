#include "io/formats/gguf_dequant.h"

#include <cassert>
#include <cstring>

#include "kernels/dtype.h"

// Compiled without contraction of a * b + c into one rounding (see CMakeLists.txt), so that the results are those of
// the reference on every machine.
namespace lorica {
namespace {

constexpr int kSmall = 32;   // values in a block of the Qx_0 and Qx_1 types
constexpr int kSuper = 256;  // values in a block of the Qx_K types

float half_at(const uint8_t* p) {
  f16 value;
  std::memcpy(&value.bits, p, sizeof value.bits);
  return static_cast<float>(value);
}

uint32_t word_at(const uint8_t* p) {
  uint32_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// The small blocks: byte i of the quants holds value i in its low and value i + 16 in its high four bits.

void q8_0(const uint8_t* b, float* y) {
  const float d = half_at(b);
  for (int i = 0; i < kSmall; ++i) y[i] = static_cast<float>(static_cast<int8_t>(b[2 + i])) * d;
}

void q4_0(const uint8_t* b, float* y) {
  const float d = half_at(b);
  for (int i = 0; i < kSmall / 2; ++i) {
    y[i] = d * static_cast<float>((b[2 + i] & 15) - 8);
    y[i + 16] = d * static_cast<float>((b[2 + i] >> 4) - 8);
  }
}

void q4_1(const uint8_t* b, float* y) {
  const float d = half_at(b), m = half_at(b + 2);
  for (int i = 0; i < kSmall / 2; ++i) {
    y[i] = d * static_cast<float>(b[4 + i] & 15) + m;
    y[i + 16] = d * static_cast<float>(b[4 + i] >> 4) + m;
  }
}

/// The 5-bit value i: four bits as above, the fifth is bit i of a 32-bit word before them.
int five_bits(const uint8_t* high, const uint8_t* low, int i) {
  const int fifth = static_cast<int>(word_at(high) >> i & 1u) << 4;
  return fifth | (i < 16 ? low[i] & 15 : low[i - 16] >> 4);
}

void q5_0(const uint8_t* b, float* y) {
  const float d = half_at(b);
  for (int i = 0; i < kSmall; ++i) y[i] = d * static_cast<float>(five_bits(b + 2, b + 6, i) - 16);
}

void q5_1(const uint8_t* b, float* y) {
  const float d = half_at(b), m = half_at(b + 2);
  for (int i = 0; i < kSmall; ++i) y[i] = d * static_cast<float>(five_bits(b + 4, b + 8, i)) + m;
}

// The super-blocks hold 256 values in groups with a scale each.

/// Two-bit value i of 256: 32 bytes hold 128 values, four planes of 32.
int two_bits(const uint8_t* q, int i) { return q[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2) & 3; }

/// scales [16], quants [64], d, dmin
void q2_k(const uint8_t* b, float* y) {
  const float d = half_at(b + 80), dmin = half_at(b + 82);
  for (int group = 0; group < 16; ++group) {
    const float scale = d * static_cast<float>(b[group] & 15), offset = dmin * static_cast<float>(b[group] >> 4);
    for (int i = group * 16; i < group * 16 + 16; ++i) y[i] = scale * static_cast<float>(two_bits(b + 16, i)) - offset;
  }
}

/// mask of third bits [32], quants [64], sixteen 6-bit scales [12], d
void q3_k(const uint8_t* b, float* y) {
  const uint8_t* scales = b + 96;
  const float d = half_at(b + 108);
  for (int group = 0; group < 16; ++group) {
    const int low = group < 8 ? scales[group] & 15 : scales[group - 8] >> 4;
    const int high = scales[8 + group % 4] >> (group / 4 * 2) & 3;
    const float scale = d * static_cast<float>((low | high << 4) - 32);
    for (int i = group * 16; i < group * 16 + 16; ++i) {
      const int minus = (b[i % 32] >> (i / 32) & 1) ? 0 : 4;  // a set bit means no offset
      y[i] = scale * static_cast<float>(two_bits(b + 32, i) - minus);
    }
  }
}

struct ScaleMin {
  float scale, min;
};
/// Group j of eight: 6-bit scale and minimum out of 12 bytes.
ScaleMin scale_min(const uint8_t* s, int j) {
  if (j < 4) return {static_cast<float>(s[j] & 63), static_cast<float>(s[j + 4] & 63)};
  const int scale = (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
  const int min = (s[j + 4] >> 4) | (s[j] >> 6) << 4;
  return {static_cast<float>(scale), static_cast<float>(min)};
}

/// Four-bit value i of 256: 32 bytes hold 64 values, two planes of 32.
int four_bits(const uint8_t* q, int i) { return q[i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4) & 15; }

/// d, dmin, scales and minima [12], quants [128]
void q4_k(const uint8_t* b, float* y) {
  const float d = half_at(b), dmin = half_at(b + 2);
  for (int group = 0; group < 8; ++group) {
    const auto [s, m] = scale_min(b + 4, group);
    const float scale = d * s, offset = dmin * m;
    for (int i = group * 32; i < group * 32 + 32; ++i) y[i] = scale * static_cast<float>(four_bits(b + 16, i)) - offset;
  }
}

/// d, dmin, scales and minima [12], fifth bits [32], quants [128]
void q5_k(const uint8_t* b, float* y) {
  const float d = half_at(b), dmin = half_at(b + 2);
  for (int group = 0; group < 8; ++group) {
    const auto [s, m] = scale_min(b + 4, group);
    const float scale = d * s, offset = dmin * m;
    for (int i = group * 32; i < group * 32 + 32; ++i) {
      const int fifth = (b[16 + i % 32] >> group & 1) << 4;
      y[i] = scale * static_cast<float>(four_bits(b + 48, i) | fifth) - offset;
    }
  }
}

/// low four bits [128], high two bits [64], scales [16], d
void q6_k(const uint8_t* b, float* y) {
  const float d = half_at(b + 208);
  for (int i = 0; i < kSuper; ++i) {
    const int low = b[i / 128 * 64 + i % 64] >> (i / 64 % 2 * 4) & 15;
    const float scale = d * static_cast<float>(static_cast<int8_t>(b[192 + i / 16]));
    y[i] = scale * static_cast<float>((low | two_bits(b + 128, i) << 4) - 32);
  }
}

void one_f32(const uint8_t* b, float* y) { std::memcpy(y, b, sizeof *y); }
void one_f16(const uint8_t* b, float* y) { *y = half_at(b); }
void one_bf16(const uint8_t* b, float* y) {
  bf16 value;
  std::memcpy(&value.bits, b, sizeof value.bits);
  *y = static_cast<float>(value);
}

using BlockFunction = void (*)(const uint8_t* block, float* to);
struct Dequantizer {
  GgmlType type;
  BlockFunction block;
};
constexpr Dequantizer kDequantizers[] = {
    {GgmlType::F32, one_f32}, {GgmlType::F16, one_f16}, {GgmlType::BF16, one_bf16}, {GgmlType::Q8_0, q8_0},
    {GgmlType::Q4_0, q4_0},   {GgmlType::Q4_1, q4_1},   {GgmlType::Q5_0, q5_0},     {GgmlType::Q5_1, q5_1},
    {GgmlType::Q2_K, q2_k},   {GgmlType::Q3_K, q3_k},   {GgmlType::Q4_K, q4_k},     {GgmlType::Q5_K, q5_k},
    {GgmlType::Q6_K, q6_k},
};

BlockFunction function_of(GgmlType type) {
  for (const auto& entry : kDequantizers)
    if (entry.type == type) return entry.block;
  return nullptr;
}

}  // namespace

bool can_dequantize(GgmlType type) { return function_of(type) != nullptr; }

std::string dequantizable_types() {
  std::string list;
  for (const auto& entry : kDequantizers) {
    if (!list.empty()) list += ", ";
    list += ggml_block(entry.type)->name;
  }
  return list;
}

void dequantize(GgmlType type, const void* blocks, int64_t elements, float* to) {
  const BlockFunction function = function_of(type);
  const GgmlBlock* block = ggml_block(type);
  assert(function && elements % block->elements == 0);
  const auto* from = static_cast<const uint8_t*>(blocks);
  for (int64_t i = 0; i < elements; i += block->elements, from += block->bytes) function(from, to + i);
}

}  // namespace lorica
