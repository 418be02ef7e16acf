#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/ops/activation.h"

namespace lorica {

/// Rotary frequencies as config.json describes them ("rope_scaling" and "rope_theta", or "rope_parameters").
struct RopeConfig {
  enum class Type : uint8_t { kDefault, kLinear, kLlama3 };
  Type type = Type::kDefault;
  double theta = 10000;
  double rotary_share = 1;  ///< of the head width
  double factor = 1;
  double low_freq_factor = 1, high_freq_factor = 4, original_max_positions = 8192;  ///< llama3

  /// The angle per position of each rotated pair, [R] with 2 R = rotary_share * head width.
  std::vector<double> frequencies(int64_t head_dim) const;
};

/// Everything in config.json that decides the maths.
struct ModelConfig {
  std::string family;  ///< model_type
  int64_t vocab_size = 0, hidden_size = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0, intermediate_size = 0;
  int64_t max_positions = 0;
  float norm_eps = 1e-6f;
  bool tie_embeddings = false;
  bool qkv_bias = false, output_bias = false, mlp_bias = false;  ///< of the attention's and the MLP's projections
  bool qk_norm = false;                                          ///< RMSNorm on each head of q and k
  Activation activation = Activation::kSilu;
  std::vector<int> windows;             ///< per layer; 0 means full attention
  std::vector<float> attention_scales;  ///< per layer
  RopeConfig rope;
  int32_t bos_token = -1;
  std::vector<int32_t> eos_tokens;
};

/// Reads config.json; `origin` names it in messages. Throws Error for an unknown model_type, a missing or malformed
/// key, and for a key that changes the maths in a way that is not supported (or that is not known at all), naming key
/// and value.
ModelConfig parse_model_config(std::string_view json, const std::string& origin);

}  // namespace lorica
