#pragma once
#include <cstdint>
#include <vector>

#include "engine/tensor.h"

namespace lorica {

/// Rotary frequencies as config.json describes them ("rope_scaling" and "rope_theta", or "rope_parameters").
/// Reference: modeling_rope_utils.py of Transformers; Peng et al. 2023 (YaRN), Ding et al. 2024 (LongRoPE).
struct RopeConfig {
  enum class Type : uint8_t { kDefault, kLinear, kDynamic, kLlama3, kYarn, kLongrope };
  Type type = Type::kDefault;
  double theta = 10000;
  double rotary_share = 1;  ///< of the head width
  double factor = 1;
  double original_max_positions = 8192;              ///< llama3, yarn, longrope; dynamic: the model's own positions
  double low_freq_factor = 1, high_freq_factor = 4;  ///< llama3
  double beta_fast = 32, beta_slow = 1;              ///< yarn
  bool truncate = true;                              ///< yarn
  double attention_factor = 1;                       ///< cos and sin are multiplied by it (yarn, longrope)
  std::vector<double> short_factors = {}, long_factors = {};  ///< longrope, one a rotated pair

  /// Number of rotated pairs of a head.
  int64_t pairs(int64_t head_dim) const;
  /// The angle per position of each rotated pair, [pairs]. `length` is the longest document's number of tokens:
  /// dynamic and longrope go by it, as Transformers does by the longest row of a batch.
  std::vector<double> frequencies(int64_t head_dim, int64_t length) const;
  /// Whether every length has the same frequencies.
  bool fixed_frequencies() const { return type != Type::kLongrope && type != Type::kDynamic; }
  /// Whether two lengths give the same frequencies.
  bool same_frequencies(int64_t length, int64_t other) const;
};

/// cos and sin of position * frequency, times attention_factor, [P, R] f32, made anew where a pass goes farther. The
/// shorter tables of fixed frequencies are kept: recorded steps read them.
class RopeTable {
 public:
  /// Makes rows for `length` positions at least, `max_positions` being what the model was made for.
  void reach(Arena& arena, const RopeConfig& rope, int64_t head_dim, int64_t max_positions, int64_t length);
  const Tensor& cos() const { return cos_; }
  const Tensor& sin() const { return sin_; }

 private:
  Tensor cos_, sin_;
  std::vector<Tensor> outgrown_;
  int64_t length_ = 0;
};

}  // namespace lorica
