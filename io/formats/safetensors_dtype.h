#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "kernels/dtype.h"

namespace lorica {

/// A dtype of the safetensors format; `dtype` is empty where Lorica has no such type.
struct SafetensorsDtype {
  std::string_view name;
  uint32_t bits;
  std::optional<Dtype> dtype;
};

inline constexpr SafetensorsDtype kSafetensorsDtypes[] = {
    {"F64", 64, Dtype::f64},          {"F32", 32, Dtype::f32},      {"F16", 16, Dtype::f16},
    {"BF16", 16, Dtype::bf16},        {"I64", 64, Dtype::i64},      {"I32", 32, Dtype::i32},
    {"I16", 16, Dtype::i16},          {"I8", 8, Dtype::i8},         {"U8", 8, Dtype::u8},
    {"BOOL", 8, Dtype::boolean},      {"U16", 16, std::nullopt},    {"U32", 32, std::nullopt},
    {"U64", 64, std::nullopt},        {"C64", 64, std::nullopt},    {"F8_E5M2", 8, std::nullopt},
    {"F8_E4M3", 8, std::nullopt},     {"F8_E8M0", 8, std::nullopt}, {"F8_E4M3FNUZ", 8, std::nullopt},
    {"F8_E5M2FNUZ", 8, std::nullopt}, {"F6_E2M3", 6, std::nullopt}, {"F6_E3M2", 6, std::nullopt},
    {"F4", 4, std::nullopt},
};

}  // namespace lorica
