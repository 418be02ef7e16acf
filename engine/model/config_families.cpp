#include "engine/model/config_families.h"

#include <cmath>

namespace lorica {
namespace {

Activation activation_named(const std::string& name, const ConfigReader& config, const char* key) {
  if (name == "silu" || name == "swish") return Activation::kSilu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast") return Activation::kGeluTanh;
  if (name == "gelu") return Activation::kGeluErf;
  throw Error("{}: {}: unknown activation '{}'", config.origin(), key, name);
}

float read_norm_eps(ConfigReader& config, const char* key, float fallback) {
  const auto eps = config.get<float>(key, fallback);
  if (!(eps >= 0 && eps < 1)) throw Error("{}: {}: value out of range: {}", config.origin(), key, eps);
  return eps;
}

/// What nearly all families call the same. `head_dim` 0: the hidden size over the heads.
ModelConfig read_common(ConfigReader& config, const char* activation_key, const char* activation, float eps, bool tied,
                        int64_t head_dim = 0) {
  ModelConfig model;
  model.vocab_size = config.positive("vocab_size");
  model.hidden_size = config.positive("hidden_size");
  model.layers = config.positive("num_hidden_layers");
  model.heads = config.positive("num_attention_heads");
  model.kv_heads = config.positive("num_key_value_heads", model.heads);
  model.intermediate_size = config.positive("intermediate_size");
  model.max_positions = config.positive("max_position_embeddings", 2048);
  model.norm_eps = read_norm_eps(config, "rms_norm_eps", eps);
  model.tie_embeddings = config.get<bool>("tie_word_embeddings", tied);
  model.activation = activation_named(config.get<std::string>(activation_key, activation), config, activation_key);
  if (config.has("head_dim")) head_dim = config.positive("head_dim");
  if (head_dim == 0 && model.hidden_size % model.heads != 0)
    throw Error("{}: hidden_size {} is no multiple of num_attention_heads {}", config.origin(), model.hidden_size,
                model.heads);
  model.head_dim = head_dim > 0 ? head_dim : model.hidden_size / model.heads;
  if (model.heads % model.kv_heads != 0)
    throw Error("{}: num_attention_heads {} is no multiple of num_key_value_heads {}", config.origin(), model.heads,
                model.kv_heads);
  config.only("attention_dropout", 0.0);
  const auto layers = static_cast<size_t>(model.layers);
  model.windows.assign(layers, 0);
  model.rope_of_layer.assign(layers, 0);
  model.attention_scales.assign(layers, 1.0f / std::sqrt(static_cast<float>(model.head_dim)));
  return model;
}

void read_one_rope(ConfigReader& config, ModelConfig& model) {
  model.ropes = {read_rope(config, model.max_positions, model.head_dim)};
}

/// Which layers have a sliding window: those that layer_types names, else those for which `by_default` holds.
template <class Default>
std::vector<bool> sliding_layers(ConfigReader& config, const ModelConfig& model, Default&& by_default) {
  std::vector<std::string> types;
  if (config.has("layer_types")) types = config.get<std::vector<std::string>>("layer_types");
  if (!types.empty() && static_cast<int64_t>(types.size()) != model.layers)
    throw Error("{}: layer_types: {} entries for {} layers", config.origin(), types.size(), model.layers);
  std::vector<bool> sliding;
  for (int64_t i = 0; i < model.layers; ++i) {
    if (types.empty()) {
      sliding.push_back(by_default(i));
      continue;
    }
    const std::string& type = types[static_cast<size_t>(i)];
    if (type != "full_attention" && type != "sliding_attention")
      throw Error("{}: layer_types: '{}' is not supported", config.origin(), type);
    sliding.push_back(type == "sliding_attention");
  }
  return sliding;
}

/// Gives those layers the width of sliding_window.
template <class Default>
void read_windows(ConfigReader& config, ModelConfig& model, Default&& by_default) {
  const int window = config.has("sliding_window") ? static_cast<int>(config.positive("sliding_window")) : 0;
  const std::vector<bool> sliding =
      sliding_layers(config, model, [&](int64_t i) { return window > 0 && by_default(i); });
  for (size_t i = 0; i < sliding.size(); ++i) {
    if (!sliding[i]) continue;
    if (window == 0) throw Error("{}: layer_types asks for sliding_attention without sliding_window", config.origin());
    model.windows[i] = window;
  }
}

float read_cap(ConfigReader& config, const char* key, float fallback) {
  const float cap = config.has(key) ? config.get<float>(key) : fallback;
  if (!(cap >= 0)) throw Error("{}: {}: value out of range: {}", config.origin(), key, cap);
  return cap;
}

float read_scale(ConfigReader& config, const char* key) {
  const auto scale = config.get<float>(key, 1.0f);
  if (!(scale > 0)) throw Error("{}: {}: value out of range: {}", config.origin(), key, scale);
  return scale;
}

}  // namespace

ModelConfig read_llama(ConfigReader& config) {
  const auto family = config.get<std::string>("model_type");
  ModelConfig model = read_common(config, "hidden_act", "silu", 1e-6f, false, family == "qwen3" ? 128 : 0);
  if (family == "qwen2")
    model.qkv_bias = true;
  else if (family != "mistral")
    model.qkv_bias = model.output_bias = config.get<bool>("attention_bias", false);
  if (family == "llama") model.mlp_bias = config.get<bool>("mlp_bias", false);
  if (family == "qwen3") model.qk_norm = QkNorm::kHeads;
  read_one_rope(config, model);
  const bool used = config.get<bool>("use_sliding_window", false);
  const int64_t full_layers = config.positive("max_window_layers", model.layers);
  read_windows(config, model, [&](int64_t i) { return family == "mistral" || (used && i >= full_layers); });
  return model;
}

ModelConfig read_gemma(ConfigReader& config) {
  const bool third = config.get<std::string>("model_type") == "gemma3_text";
  // Gemma 2's first files say hidden_act as well; hidden_activation is what is used
  config.ignore({"hidden_act", "cache_implementation"});
  ModelConfig model = read_common(config, "hidden_activation", "gelu_pytorch_tanh", 1e-6f, true, 256);
  model.norm_offset = 1;
  model.embedding_scale = std::sqrt(static_cast<float>(model.hidden_size));
  model.qkv_bias = model.output_bias = config.get<bool>("attention_bias", false);
  if (third) model.qk_norm = QkNorm::kHeads;
  const auto scalar = config.get<double>("query_pre_attn_scalar", 256.0);
  if (!(scalar > 0)) throw Error("{}: query_pre_attn_scalar: value out of range: {}", config.origin(), scalar);
  model.attention_scales.assign(model.attention_scales.size(), static_cast<float>(1 / std::sqrt(scalar)));
  model.attention_softcap = read_cap(config, "attn_logit_softcapping", 0);
  model.logits_softcap = read_cap(config, "final_logit_softcapping", 0);
  config.only("use_bidirectional_attention", false);
  const int64_t pattern = config.positive("sliding_window_pattern", config.positive("_sliding_window_pattern", 6));
  read_windows(config, model, [&](int64_t i) { return (i + 1) % (third ? pattern : 2) != 0; });
  if (!third) {
    read_one_rope(config, model);
    return model;
  }
  // full attention and sliding windows turn at different speeds; in older files the scaling is of the former only
  const bool by_layer = config.has("rope_parameters");
  RopeConfig local;
  local.theta = config.get<double>("rope_local_base_freq", 10000.0);
  RopeConfig global = by_layer || config.has("rope_theta")
                          ? read_rope(config, model.max_positions, model.head_dim, "full_attention")
                          : RopeConfig{.theta = 1000000};
  if (by_layer) local = read_rope(config, model.max_positions, model.head_dim, "sliding_attention");
  model.ropes = {global, local};
  for (size_t i = 0; i < model.windows.size(); ++i) model.rope_of_layer[i] = model.windows[i] > 0 ? 1 : 0;
  return model;
}

ModelConfig read_phi3(ConfigReader& config) {
  ModelConfig model = read_common(config, "hidden_act", "silu", 1e-5f, false);
  // dropout of the base model is off while an adapter is trained, as in Transformers' eval mode
  config.ignore({"resid_pdrop", "embd_pdrop", "auto_map"});
  config.only("attention_bias", false);
  read_one_rope(config, model);
  read_windows(config, model, [](int64_t) { return true; });
  return model;
}

ModelConfig read_granite(ConfigReader& config) {
  ModelConfig model = read_common(config, "hidden_act", "silu", 1e-6f, false);
  model.qkv_bias = model.output_bias = config.get<bool>("attention_bias", false);
  model.mlp_bias = config.get<bool>("mlp_bias", false);
  model.embedding_scale = read_scale(config, "embedding_multiplier");
  model.residual_scale = read_scale(config, "residual_multiplier");
  model.logits_scale = 1 / read_scale(config, "logits_scaling");
  model.attention_scales.assign(model.attention_scales.size(), read_scale(config, "attention_multiplier"));
  read_one_rope(config, model);
  return model;
}

ModelConfig read_olmo2(ConfigReader& config) {
  ModelConfig model = read_common(config, "hidden_act", "silu", 1e-5f, false);
  model.qkv_bias = model.output_bias = config.get<bool>("attention_bias", false);
  model.qk_norm = QkNorm::kWhole;
  read_one_rope(config, model);
  return model;
}

ModelConfig read_smollm3(ConfigReader& config) {
  ModelConfig model = read_common(config, "hidden_act", "silu", 1e-6f, true);
  model.qkv_bias = model.output_bias = config.get<bool>("attention_bias", false);
  model.mlp_bias = config.get<bool>("mlp_bias", false);
  read_one_rope(config, model);
  const int64_t interval = config.positive("no_rope_layer_interval", 4);
  std::vector<int> rotates;  // 1 for a layer with rope, whatever the name says
  if (config.has("no_rope_layers")) rotates = config.get<std::vector<int>>("no_rope_layers");
  if (!rotates.empty() && static_cast<int64_t>(rotates.size()) < model.layers)
    throw Error("{}: no_rope_layers: {} entries for {} layers", config.origin(), rotates.size(), model.layers);
  for (int64_t i = 0; i < model.layers; ++i) {
    const auto at = static_cast<size_t>(i);
    const bool rope = rotates.empty() ? (i + 1) % interval != 0 : rotates[at] != 0;
    if (!rope) model.rope_of_layer[at] = -1;
  }
  if (config.get<bool>("use_sliding_window", false))
    read_windows(config, model, [&](int64_t i) { return model.rope_of_layer[static_cast<size_t>(i)] < 0; });
  config.ignore({"sliding_window", "layer_types", "max_window_layers"});
  return model;
}

ModelConfig read_gpt2(ConfigReader& config) {
  ModelConfig model;
  model.vocab_size = config.positive("vocab_size");
  model.hidden_size = config.positive("n_embd");
  model.layers = config.positive("n_layer");
  model.heads = model.kv_heads = config.positive("n_head");
  model.max_positions = config.positive("n_positions");
  model.intermediate_size = config.positive("n_inner", 4 * model.hidden_size);
  model.norm_eps = read_norm_eps(config, "layer_norm_epsilon", 1e-5f);
  model.tie_embeddings = config.get<bool>("tie_word_embeddings", true);
  model.activation =
      activation_named(config.get<std::string>("activation_function", "gelu_new"), config, "activation_function");
  model.qkv_bias = model.output_bias = model.mlp_bias = true;
  if (model.hidden_size % model.heads != 0)
    throw Error("{}: n_embd {} is no multiple of n_head {}", config.origin(), model.hidden_size, model.heads);
  model.head_dim = model.hidden_size / model.heads;
  config.only("add_cross_attention", false);
  // dropout of the base model is off while an adapter is trained, as in Transformers' eval mode
  config.ignore({"attn_pdrop", "embd_pdrop", "resid_pdrop", "n_ctx", "reorder_and_upcast_attn", "summary_activation",
                 "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj"});
  model.windows.assign(static_cast<size_t>(model.layers), 0);
  const float scale =
      config.get<bool>("scale_attn_weights", true) ? 1.0f / std::sqrt(static_cast<float>(model.head_dim)) : 1.0f;
  const bool by_layer = config.get<bool>("scale_attn_by_inverse_layer_idx", false);
  model.rope_of_layer.assign(static_cast<size_t>(model.layers), -1);
  for (int64_t i = 0; i < model.layers; ++i)
    model.attention_scales.push_back(by_layer ? scale / static_cast<float>(i + 1) : scale);
  return model;
}

}  // namespace lorica
