#include "engine/model/config.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>
#include <set>

#include "kernels/error.h"

namespace lorica {
namespace {

using nlohmann::json;

/// Reads keys of one config.json, remembers which were asked for, and refuses what is left over in the end.
class ConfigReader {
 public:
  ConfigReader(const json& object, std::string origin) : object_(object), origin_(std::move(origin)) {}

  bool has(const std::string& key) {
    seen_.insert(key);
    return object_.contains(key) && !object_.at(key).is_null();
  }

  template <class T>
  T get(const std::string& key) {
    if (!has(key)) throw Error("{}: missing key '{}'", origin_, key);
    return convert<T>(key);
  }
  template <class T>
  T get(const std::string& key, T fallback) {
    return has(key) ? convert<T>(key) : fallback;
  }
  int64_t positive(const std::string& key) {
    const auto value = get<int64_t>(key);
    if (value < 1 || value > (int64_t{1} << 40))
      throw Error("{}: {}: expected a positive integer, got {}", origin_, key, value);
    return value;
  }
  int64_t positive(const std::string& key, int64_t fallback) { return has(key) ? positive(key) : fallback; }

  /// The key may be absent; if present it must have this value, since no other is supported.
  template <class T>
  void only(const std::string& key, const T& supported) {
    if (has(key) && object_.at(key) != json(supported))
      throw Error("{}: {}: only {} is supported, got {}", origin_, key, json(supported).dump(), object_.at(key).dump());
  }
  void ignore(std::initializer_list<const char*> keys) { seen_.insert(keys.begin(), keys.end()); }

  /// A key that nothing asked for may change the maths: refused unless it is switched off.
  void refuse_unknown(const std::string& family) const {
    for (const auto& [key, value] : object_.items()) {
      if (seen_.contains(key) || value.is_null() || value == json(false)) continue;
      throw Error("{}: {}: not known for model_type '{}' (value {}); remove the key if it does not change the maths",
                  origin_, key, family, value.dump());
    }
  }
  const json& at(const std::string& key) const { return object_.at(key); }
  const std::string& origin() const { return origin_; }

 private:
  template <class T>
  T convert(const std::string& key) const {
    try {
      const json& value = object_.at(key);
      const bool wrong = (std::is_same_v<T, bool> != value.is_boolean()) ||
                         (std::is_integral_v<T> && !std::is_same_v<T, bool> && !value.is_number_integer());
      if (!wrong) return value.get<T>();
    } catch (const json::exception&) {
    }
    throw Error("{}: {}: wrong type: {}", origin_, key, object_.at(key).dump());
  }

  const json& object_;
  std::string origin_;
  std::set<std::string> seen_;
};

// Keys of published configs that do not change what a forward pass computes.
constexpr std::initializer_list<const char*> kHarmless = {"architectures",
                                                          "model_type",
                                                          "torch_dtype",
                                                          "dtype",
                                                          "transformers_version",
                                                          "use_cache",
                                                          "initializer_range",
                                                          "pad_token_id",
                                                          "_name_or_path",
                                                          "_attn_implementation_autoset",
                                                          "pretraining_tp",

                                                          "transformers.js_config",
                                                          "is_llama_config",

                                                          "output_attentions",
                                                          "output_hidden_states",
                                                          "return_dict",
                                                          "id2label",
                                                          "label2id",
                                                          "num_labels",
                                                          "task_specific_params",
                                                          "unsloth_version",
                                                          "unsloth_fixed",
                                                          "cls_token_id",
                                                          "sep_token_id",
                                                          "chunk_size_feed_forward",
                                                          "problem_type",
                                                          "finetuning_task",
                                                          "tokenizer_class",
                                                          "bad_words_ids",
                                                          "temperature",
                                                          "top_k",
                                                          "top_p",
                                                          "do_sample",
                                                          "max_length",
                                                          "min_length",
                                                          "num_beams"};

Activation activation_named(const std::string& name, const ConfigReader& config, const char* key) {
  if (name == "silu" || name == "swish") return Activation::kSilu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast") return Activation::kGeluTanh;
  if (name == "gelu") return Activation::kGeluErf;
  throw Error("{}: {}: unknown activation '{}'", config.origin(), key, name);
}

void read_rope_scaling(ConfigReader& config, const char* key, RopeConfig& rope) {
  if (!config.at(key).is_object()) throw Error("{}: {}: expected an object", config.origin(), key);

  ConfigReader inner(config.at(key), config.origin() + ": " + key);
  rope.theta = inner.get<double>("rope_theta", rope.theta);
  rope.rotary_share = inner.get<double>("partial_rotary_factor", rope.rotary_share);
  const std::string type =
      inner.has("rope_type") ? inner.get<std::string>("rope_type") : inner.get<std::string>("type", "default");
  inner.ignore({"type"});
  if (type == "linear") {
    rope.type = RopeConfig::Type::kLinear;
    rope.factor = inner.get<double>("factor");
  } else if (type == "llama3") {
    rope.type = RopeConfig::Type::kLlama3;
    rope.factor = inner.get<double>("factor");
    rope.low_freq_factor = inner.get<double>("low_freq_factor");
    rope.high_freq_factor = inner.get<double>("high_freq_factor");
    rope.original_max_positions = inner.get<double>("original_max_position_embeddings");
  } else if (type != "default") {
    throw Error("{}: {}: rope_type '{}' is not supported (default, linear, llama3 are)", config.origin(), key, type);
  }
  inner.refuse_unknown("rope_type " + type);
}

RopeConfig read_rope(ConfigReader& config) {
  RopeConfig rope;
  rope.theta = config.get<double>("rope_theta", 10000.0);
  rope.rotary_share = config.get<double>("partial_rotary_factor", 1.0);
  for (const char* key : {"rope_scaling", "rope_parameters"})
    if (config.has(key)) read_rope_scaling(config, key, rope);
  const auto expect = [&](bool good, const char* name, double value) {
    if (!good) throw Error("{}: {}: value out of range: {}", config.origin(), name, value);
  };
  expect(rope.theta > 0, "rope_theta", rope.theta);
  expect(rope.rotary_share > 0 && rope.rotary_share <= 1, "partial_rotary_factor", rope.rotary_share);
  expect(rope.factor > 0, "factor", rope.factor);
  if (rope.type == RopeConfig::Type::kLlama3) {
    expect(rope.low_freq_factor > 0, "low_freq_factor", rope.low_freq_factor);
    expect(rope.high_freq_factor > rope.low_freq_factor, "high_freq_factor", rope.high_freq_factor);
    expect(rope.original_max_positions > 0, "original_max_position_embeddings", rope.original_max_positions);
  }
  return rope;
}

void read_token_ids(ConfigReader& config, ModelConfig& model) {
  if (config.has("bos_token_id")) model.bos_token = config.get<int32_t>("bos_token_id");
  if (!config.has("eos_token_id")) return;
  if (config.at("eos_token_id").is_array())
    model.eos_tokens = config.get<std::vector<int32_t>>("eos_token_id");
  else
    model.eos_tokens = {config.get<int32_t>("eos_token_id")};
}

float read_norm_eps(ConfigReader& config, const char* key, float fallback) {
  const auto eps = config.get<float>(key, fallback);
  if (!(eps >= 0 && eps < 1)) throw Error("{}: {}: value out of range: {}", config.origin(), key, eps);
  return eps;
}

/// Sliding windows: one width for all layers (mistral), or for those that layer_types calls so (qwen).
void read_windows(ConfigReader& config, ModelConfig& model) {
  model.windows.assign(static_cast<size_t>(model.layers), 0);
  const bool given = config.has("sliding_window");
  const int window = given ? static_cast<int>(config.positive("sliding_window")) : 0;
  const bool used = model.family == "mistral" || config.get<bool>("use_sliding_window", false);
  const int64_t full_layers = model.family == "mistral" ? 0 : config.positive("max_window_layers", model.layers);
  std::vector<std::string> types;
  if (config.has("layer_types")) types = config.get<std::vector<std::string>>("layer_types");
  if (!types.empty() && static_cast<int64_t>(types.size()) != model.layers)
    throw Error("{}: layer_types: {} entries for {} layers", config.origin(), types.size(), model.layers);
  for (int64_t i = 0; i < model.layers; ++i) {
    const auto at = static_cast<size_t>(i);
    bool sliding = used && given && i >= full_layers;
    if (!types.empty()) {
      if (types[at] != "full_attention" && types[at] != "sliding_attention")
        throw Error("{}: layer_types: '{}' is not supported", config.origin(), types[at]);
      sliding = types[at] == "sliding_attention";
      if (sliding && !given)
        throw Error("{}: layer_types asks for sliding_attention without sliding_window", config.origin());
    }
    if (sliding) model.windows[at] = window;
  }
}

ModelConfig read_llama_like(ConfigReader& config, const std::string& family) {
  ModelConfig model;
  model.family = family;
  model.vocab_size = config.positive("vocab_size");
  model.hidden_size = config.positive("hidden_size");
  model.layers = config.positive("num_hidden_layers");
  model.heads = config.positive("num_attention_heads");
  model.kv_heads = config.positive("num_key_value_heads", model.heads);
  model.intermediate_size = config.positive("intermediate_size");
  model.max_positions = config.positive("max_position_embeddings", 2048);
  model.norm_eps = read_norm_eps(config, "rms_norm_eps", 1e-6f);
  model.tie_embeddings = config.get<bool>("tie_word_embeddings", false);
  model.activation = activation_named(config.get<std::string>("hidden_act", "silu"), config, "hidden_act");
  const bool has_head_dim = config.has("head_dim");
  if (!has_head_dim && model.hidden_size % model.heads != 0)
    throw Error("{}: hidden_size {} is no multiple of num_attention_heads {}", config.origin(), model.hidden_size,
                model.heads);
  const int64_t qwen3_default = family == "qwen3" ? 128 : model.hidden_size / model.heads;
  model.head_dim = has_head_dim ? config.positive("head_dim") : qwen3_default;
  if (model.heads % model.kv_heads != 0)
    throw Error("{}: num_attention_heads {} is no multiple of num_key_value_heads {}", config.origin(), model.heads,
                model.kv_heads);
  config.only("attention_dropout", 0.0);
  if (family == "qwen2") {
    model.qkv_bias = true;
  } else if (family != "mistral") {
    model.qkv_bias = model.output_bias = config.get<bool>("attention_bias", false);
  }
  if (family == "llama") model.mlp_bias = config.get<bool>("mlp_bias", false);
  model.qk_norm = family == "qwen3";
  model.rope = read_rope(config);
  read_windows(config, model);
  model.attention_scales.assign(static_cast<size_t>(model.layers),
                                1.0f / std::sqrt(static_cast<float>(model.head_dim)));
  return model;
}

ModelConfig read_gpt2(ConfigReader& config) {
  ModelConfig model;
  model.family = "gpt2";
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
  for (int64_t i = 0; i < model.layers; ++i)
    model.attention_scales.push_back(by_layer ? scale / static_cast<float>(i + 1) : scale);
  return model;
}

}  // namespace

std::vector<double> RopeConfig::frequencies(int64_t head_dim) const {
  const auto rotated = static_cast<int64_t>(static_cast<double>(head_dim) * rotary_share) / 2 * 2;
  std::vector<double> result;
  for (int64_t i = 0; i < rotated; i += 2) {
    double frequency = 1.0 / std::pow(theta, static_cast<double>(i) / static_cast<double>(rotated));
    if (type == Type::kLinear) frequency /= factor;
    if (type == Type::kLlama3) {
      const double wavelength = 2 * std::numbers::pi / frequency;
      const double low = original_max_positions / low_freq_factor, high = original_max_positions / high_freq_factor;
      if (wavelength > low) {
        frequency /= factor;
      } else if (wavelength >= high) {  // between: a mix of both
        const double mix =
            (original_max_positions / wavelength - low_freq_factor) / (high_freq_factor - low_freq_factor);
        frequency = (1 - mix) * frequency / factor + mix * frequency;
      }
    }
    result.push_back(frequency);
  }
  return result;
}

ModelConfig parse_model_config(std::string_view text, const std::string& origin) {
  const json object = json::parse(text, nullptr, false);
  if (object.is_discarded() || !object.is_object()) throw Error("{}: not a JSON object", origin);
  ConfigReader config(object, origin);
  const auto family = config.get<std::string>("model_type");
  config.ignore(kHarmless);
  ModelConfig model;
  if (family == "llama" || family == "mistral" || family == "qwen2" || family == "qwen3") {
    model = read_llama_like(config, family);
  } else if (family == "gpt2") {
    model = read_gpt2(config);
  } else {
    throw Error("{}: model_type '{}' is not supported (llama, mistral, qwen2, qwen3, gpt2 are)", origin, family);
  }
  read_token_ids(config, model);
  config.refuse_unknown(family);
  return model;
}

}  // namespace lorica
