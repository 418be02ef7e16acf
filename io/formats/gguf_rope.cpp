#include <cmath>
#include <numbers>

#include "io/formats/gguf_dequant.h"
#include "io/formats/gguf_model.h"
#include "io/formats/printable.h"

namespace lorica {
namespace {

constexpr const char* kFactors = "rope_freqs.weight";
constexpr double kTolerance =
    2e-5;  // the factors were computed and stored in f32, and blending divides by small numbers

double frequency(size_t i, int64_t head_dim, double theta) {
  return std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
}

/// Llama 3's divisor of frequency i: 1 for short waves, `factor` for long ones, between them blended.
double llama3_divisor(const GgufRopeScaling& s, double freq) {
  const double turns = static_cast<double>(s.original_context) * freq / (2 * std::numbers::pi);  // in the old context
  if (turns > s.high_freq_factor) return 1;
  if (turns < s.low_freq_factor) return s.factor;
  const double smooth = (turns - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
  return 1 / ((1 - smooth) / s.factor + smooth);
}

bool follows(const GgufRopeScaling& s, const std::vector<float>& divisors, int64_t head_dim, double theta) {
  for (size_t i = 0; i < divisors.size(); ++i) {
    const double expected = llama3_divisor(s, frequency(i, head_dim, theta));
    if (std::abs(static_cast<double>(divisors[i]) - expected) > kTolerance * expected) return false;
  }
  return true;
}

/// The parameters behind the divisors. Only two of (context, low, high) are independent, as turns are proportional to
/// the context, so low = 1 is taken as in every published model; two blended divisors then give the others.
std::optional<GgufRopeScaling> recover_llama3(const std::vector<float>& divisors, int64_t head_dim, double theta) {
  GgufRopeScaling usual{.type = "llama3",
                        .factor = divisors.back(),
                        .low_freq_factor = 1,
                        .high_freq_factor = 4,
                        .original_context = 8192};
  if (follows(usual, divisors, head_dim, theta)) return usual;
  std::vector<size_t> blended;
  for (size_t i = 0; i < divisors.size(); ++i)
    if (divisors[i] > 1.0f && divisors[i] < divisors.back()) blended.push_back(i);
  if (blended.size() < 2) return std::nullopt;
  // smooth = slope f + offset; it is 0 where turns = low and 1 where turns = high
  const auto smooth = [&](size_t i) {
    return (1 / static_cast<double>(divisors[i]) - 1 / usual.factor) / (1 - 1 / usual.factor);
  };
  const size_t a = blended.front(), b = blended.back();
  const double fa = frequency(a, head_dim, theta), fb = frequency(b, head_dim, theta);
  const double slope = (smooth(a) - smooth(b)) / (fa - fb), offset = smooth(a) - slope * fa;
  const double context = std::round(-2 * std::numbers::pi * slope / offset);
  if (!(context >= 1 && context < 1e9)) return std::nullopt;
  usual.original_context = static_cast<int64_t>(context);
  usual.high_freq_factor = std::round((1 + context / (2 * std::numbers::pi) / slope) * 1e3) / 1e3;
  if (!(usual.high_freq_factor > 1) || !follows(usual, divisors, head_dim, theta)) return std::nullopt;
  return usual;
}

std::optional<GgufRopeScaling> from_divisors(const GgufFile& file, int64_t head_dim, double theta) {
  const GgufTensor* tensor = file.find_tensor(kFactors);
  if (!tensor) return std::nullopt;
  if (tensor->block->type != GgmlType::F32 || !(tensor->shape == Shape{head_dim / 2}))
    throw Error("{}: tensor '{}': expected F32 [{}], got {} {}", file.origin(), kFactors, head_dim / 2,
                tensor->block->name, tensor->shape.text());
  std::vector<float> divisors(static_cast<size_t>(head_dim / 2));
  dequantize(GgmlType::F32, tensor->bytes.data(), head_dim / 2, divisors.data());
  bool all_one = true;
  for (const float divisor : divisors) all_one = all_one && divisor == 1.0f;
  if (all_one) return std::nullopt;
  if (const auto scaling = recover_llama3(divisors, head_dim, theta)) return scaling;
  throw Error("{}: tensor '{}': its factors do not follow Llama 3's rope scaling, so config.json cannot express them",
              file.origin(), kFactors);
}

std::optional<GgufRopeScaling> from_metadata(const GgufFile& file, const std::string& architecture) {
  const std::string type_key = architecture + ".rope.scaling.type", factor_key = architecture + ".rope.scaling.factor";
  const std::string old_key = architecture + ".rope.scale_linear";
  const std::string context_key = architecture + ".rope.scaling.original_context_length";
  const auto factor_of = [&](const std::string& key) {
    const double factor = file.number(key);
    if (std::isfinite(factor) && factor > 0) return factor;
    throw Error("{}: metadata '{}': expected a positive number, got {}", file.origin(), key, factor);
  };
  GgufRopeScaling scaling{.type = "linear"};
  if (file.contains(type_key)) {
    const std::string_view type = file.text(type_key);
    if (type == "none") return std::nullopt;
    if (type != "linear" && type != "yarn")
      throw Error("{}: metadata '{}': '{}' is not supported, expected none, linear or yarn", file.origin(), type_key,
                  printable(type));
    scaling.type = type;
    scaling.factor = factor_of(factor_key);
  } else if (file.contains(factor_key) ||
             file.contains(old_key)) {  // llama.cpp takes a factor without a type as linear
    scaling.factor = factor_of(file.contains(factor_key) ? factor_key : old_key);
  }
  if (scaling.type == "yarn") scaling.original_context = file.integer(context_key);
  if (scaling.factor == 1) return std::nullopt;
  return scaling;
}

}  // namespace

std::optional<GgufRopeScaling> read_gguf_rope_scaling(const GgufFile& file, const std::string& architecture,
                                                      int64_t head_dim, double theta) {
  const auto divisors = from_divisors(file, head_dim, theta);
  const auto metadata = from_metadata(file, architecture);
  if (divisors && metadata)
    throw Error("{}: metadata '{}.rope.scaling.type': {} scaling together with the tensor '{}' is not supported",
                file.origin(), architecture, metadata->type, kFactors);
  return divisors ? divisors : metadata;
}

}  // namespace lorica
