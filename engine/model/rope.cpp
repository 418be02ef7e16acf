#include "engine/model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lorica {
namespace {

/// Llama 3: long wavelengths are stretched by the factor, short ones kept, those between mixed.
double llama3_frequency(const RopeConfig& rope, double frequency) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  const double low = rope.original_max_positions / rope.low_freq_factor;
  const double high = rope.original_max_positions / rope.high_freq_factor;
  if (wavelength > low) return frequency / rope.factor;
  if (wavelength < high) return frequency;
  const double mix = (rope.original_max_positions / wavelength - rope.low_freq_factor) /
                     (rope.high_freq_factor - rope.low_freq_factor);
  return (1 - mix) * frequency / rope.factor + mix * frequency;
}

/// YaRN: pairs that turn often within the original length are kept, slow ones are stretched, a ramp lies between.
class YarnRamp {
 public:
  YarnRamp(const RopeConfig& rope, int64_t rotated) {
    const auto width = static_cast<double>(rotated);
    const auto pair_of = [&](double turns) {
      return width * std::log(rope.original_max_positions / (turns * 2 * std::numbers::pi)) /
             (2 * std::log(rope.theta));
    };
    low_ = pair_of(rope.beta_fast), high_ = pair_of(rope.beta_slow);
    if (rope.truncate) low_ = std::floor(low_), high_ = std::ceil(high_);
    low_ = std::max(low_, 0.0), high_ = std::min(high_, width - 1);
    if (low_ == high_) high_ += 0.001;
  }
  /// 0: kept, 1: stretched.
  double operator()(int64_t pair) const {
    return std::clamp((static_cast<double>(pair) - low_) / (high_ - low_), 0.0, 1.0);
  }

 private:
  double low_, high_;
};

}  // namespace

int64_t RopeConfig::pairs(int64_t head_dim) const {
  return (static_cast<int64_t>(static_cast<double>(head_dim) * rotary_share) + 1) / 2;
}

std::vector<double> RopeConfig::frequencies(int64_t head_dim, int64_t length) const {
  const auto width = static_cast<int64_t>(static_cast<double>(head_dim) * rotary_share);
  const auto tokens = static_cast<double>(length);
  double base = theta;
  if (type == Type::kDynamic && tokens > original_max_positions)
    base *= std::pow(factor * tokens / original_max_positions - (factor - 1),
                     static_cast<double>(width) / static_cast<double>(width - 2));
  const YarnRamp ramp(*this, width);
  const std::vector<double>& divisors = tokens > original_max_positions ? long_factors : short_factors;
  std::vector<double> result;
  for (int64_t i = 0; i < pairs(head_dim); ++i) {
    double frequency = 1.0 / std::pow(base, static_cast<double>(2 * i) / static_cast<double>(width));
    if (type == Type::kLinear) frequency /= factor;
    if (type == Type::kLlama3) frequency = llama3_frequency(*this, frequency);
    if (type == Type::kYarn) frequency = ramp(i) * frequency / factor + (1 - ramp(i)) * frequency;
    if (type == Type::kLongrope) frequency /= divisors[static_cast<size_t>(i)];
    result.push_back(frequency);
  }
  return result;
}

bool RopeConfig::same_frequencies(int64_t length, int64_t other) const {
  const auto beyond = [&](int64_t n) { return static_cast<double>(n) > original_max_positions; };
  if (type == Type::kLongrope) return beyond(length) == beyond(other);
  if (type == Type::kDynamic) return length == other || (!beyond(length) && !beyond(other));
  return true;
}

void RopeTable::reach(Arena& arena, const RopeConfig& rope, int64_t head_dim, int64_t max_positions, int64_t length) {
  if (cos_ && cos_.shape()[0] >= length && rope.same_frequencies(length_, length)) return;
  length_ = length;
  const std::vector<double> frequencies = rope.frequencies(head_dim, length);
  const auto width = static_cast<int64_t>(frequencies.size());
  const bool grows = cos_ && rope.fixed_frequencies();
  const int64_t rows = std::max({length, grows ? 2 * cos_.shape()[0] : 0, std::min<int64_t>(max_positions, 4096)});
  std::vector<float> cos, sin;
  for (int64_t p = 0; p < rows; ++p) {
    for (double frequency : frequencies) {
      // the product is rounded to f32 before the cosine, as the reference implementations do
      const auto angle = static_cast<double>(static_cast<float>(p) * static_cast<float>(frequency));
      cos.push_back(static_cast<float>(std::cos(angle) * rope.attention_factor));
      sin.push_back(static_cast<float>(std::sin(angle) * rope.attention_factor));
    }
  }
  if (grows) outgrown_.insert(outgrown_.end(), {cos_, sin_});
  cos_ = tensor_of(arena, cos).reshaped({rows, width});
  sin_ = tensor_of(arena, sin).reshaped({rows, width});
}

}  // namespace lorica
