#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/rope.h"
#include "kernels/ops/activation.h"

namespace lorica {

enum class QkNorm : uint8_t { kNone, kHeads, kWhole };  ///< RMSNorm on each head of q and k, or on their whole width

/// Everything in config.json that decides the maths.
struct ModelConfig {
  std::string family;  ///< model_type
  int64_t vocab_size = 0, hidden_size = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0, intermediate_size = 0;
  int64_t max_positions = 0;
  float norm_eps = 1e-6f;
  float norm_offset = 0;  ///< Gemma stores its norm weights less one
  bool tie_embeddings = false;
  bool qkv_bias = false, output_bias = false, mlp_bias = false;  ///< of the attention's and the MLP's projections
  QkNorm qk_norm = QkNorm::kNone;
  Activation activation = Activation::kSilu;
  float embedding_scale = 1, residual_scale = 1, logits_scale = 1;
  float attention_softcap = 0, logits_softcap = 0;  ///< 0: none
  std::vector<int> windows;                         ///< per layer; 0 means full attention
  std::vector<float> attention_scales;              ///< per layer
  std::vector<RopeConfig> ropes;                    ///< the sets of rotary frequencies
  std::vector<int> rope_of_layer;                   ///< per layer: index into ropes, or -1 for a layer without
  float initializer_range = 0.02f;                  ///< spread of fresh weights
  std::vector<std::string> labels;                  ///< of a sequence classifier, by class; empty: a language model
  int32_t bos_token = -1;
  std::vector<int32_t> eos_tokens;

  /// Of a sequence classifier; 0: a language model.
  int64_t classes() const { return static_cast<int64_t>(labels.size()); }
  /// The rows of the output head.
  int64_t head_rows() const { return labels.empty() ? vocab_size : classes(); }
  /// The classifier over this model's backbone, with what Transformers' ...ForSequenceClassification leaves out of a
  /// language model's head (caps and scales of the logits) left out.
  void become_classifier(std::vector<std::string> class_names);
};

/// LABEL_0, LABEL_1, ...: Transformers' names for classes that nobody named.
std::vector<std::string> default_labels(int64_t count);
/// The names in "id2label" of a JSON object, whose keys are 0 to n - 1. Throws Error beginning with `origin`.
std::vector<std::string> parse_labels(const nlohmann::json& object, const std::string& origin);

/// Reads config.json; `origin` names it in messages. Throws Error for an unknown model_type, a missing or malformed
/// key, and for a key that changes the maths in a way that is not supported (or that is not known at all), naming key
/// and value.
ModelConfig parse_model_config(std::string_view json, const std::string& origin);

}  // namespace lorica
