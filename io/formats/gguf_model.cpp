#include "io/formats/gguf_model.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "io/formats/printable.h"

namespace lorica {
namespace {

constexpr std::array<std::string_view, 3> kArchitectures = {"llama", "qwen2", "qwen3"};

/// Keys "<architecture>.<key>" that this file reads, or that say nothing about the maths.
constexpr std::string_view kKnownKeys[] = {"block_count",
                                           "context_length",
                                           "embedding_length",
                                           "feed_forward_length",
                                           "vocab_size",
                                           "attention.head_count",
                                           "attention.head_count_kv",
                                           "attention.key_length",
                                           "attention.value_length",
                                           "attention.layer_norm_rms_epsilon",
                                           "attention.causal",
                                           "expert_count",
                                           "expert_used_count",
                                           "rope.freq_base",
                                           "rope.dimension_count",
                                           "rope.scale_linear",
                                           "rope.scaling.type",
                                           "rope.scaling.factor",
                                           "rope.scaling.original_context_length",
                                           "rope.scaling.finetuned",
                                           "tensor_data_layout"};

std::string read_architecture(const GgufFile& file) {
  const std::string_view architecture = file.text("general.architecture");
  if (std::find(kArchitectures.begin(), kArchitectures.end(), architecture) == kArchitectures.end())
    throw Error("{}: metadata 'general.architecture': '{}' cannot be converted, supported are {}", file.origin(),
                printable(architecture), fmt::join(kArchitectures, ", "));
  const std::string_view type = file.contains("general.type") ? file.text("general.type") : "model";
  if (type != "model")
    throw Error("{}: metadata 'general.type': expected 'model', got '{}'", file.origin(), printable(type));
  return std::string(architecture);
}

void refuse_unknown_keys(const GgufFile& file, const std::string& architecture) {
  for (const GgufEntry& entry : file.metadata()) {
    const std::string_view key = entry.key;
    if (!key.starts_with(architecture + ".")) continue;
    const std::string_view rest = key.substr(architecture.size() + 1);
    if (std::find(std::begin(kKnownKeys), std::end(kKnownKeys), rest) == std::end(kKnownKeys))
      throw Error("{}: metadata '{}': not known for this architecture, and it may change the maths", file.origin(),
                  printable(key));
  }
  const auto refuse = [&](const char* name, const std::string& why) {
    throw Error("{}: metadata '{}.{}': {}", file.origin(), architecture, name, why);
  };
  if (file.integer(architecture + ".expert_count", 0) != 0)
    refuse("expert_count", "mixtures of experts are not supported");
  if (!file.flag(architecture + ".attention.causal", true))
    refuse("attention.causal", "only causal models are supported");
  const std::string layout = architecture + ".tensor_data_layout";
  if (file.contains(layout) && file.text(layout) != "Meta AI original pth")
    refuse("tensor_data_layout", fmt::format("unknown layout '{}'", printable(file.text(layout))));
}

int64_t positive(const GgufFile& file, const std::string& key, int64_t value) {
  if (value > 0 && value < int64_t{1} << 31) return value;
  throw Error("{}: metadata '{}': expected a positive number below 2^31, got {}", file.origin(), key, value);
}

/// GGUF keeps these numbers in f32; the shortest decimal that gives the same f32 is what the original config said
/// (1e-05).
double shortest_f32(const GgufFile& file, const std::string& key) {
  const auto value = static_cast<float>(file.number(key));
  if (!(value > 0 && value < std::numeric_limits<float>::infinity()))
    throw Error("{}: metadata '{}': expected a positive number, got {}", file.origin(), key, value);
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  double result = 0;
  std::from_chars(text, end, result);
  return result;
}

}  // namespace

GgufModel read_gguf_model(const GgufFile& file) {
  GgufModel m{};
  m.architecture = read_architecture(file);
  refuse_unknown_keys(file, m.architecture);
  const auto key = [&](const char* name) { return m.architecture + "." + name; };
  const auto integer = [&](const char* name) { return positive(file, key(name), file.integer(key(name))); };
  m.layers = integer("block_count");
  if (m.layers > static_cast<int64_t>(file.tensors().size()))
    throw Error("{}: metadata '{}': {} blocks, but the file has {} tensors", file.origin(), key("block_count"),
                m.layers, file.tensors().size());
  m.width = integer("embedding_length");
  m.ffn_width = integer("feed_forward_length");
  m.heads = integer("attention.head_count");
  m.context = integer("context_length");
  const auto integer_or = [&](const char* name, int64_t fallback) {
    return positive(file, key(name), file.integer(key(name), fallback));
  };
  m.kv_heads = integer_or("attention.head_count_kv", m.heads);
  m.head_dim = integer_or("attention.key_length", m.width / m.heads);
  const auto expect_equal = [&](const char* name, int64_t expected) {
    const int64_t value = integer_or(name, expected);
    if (value != expected)
      throw Error("{}: metadata '{}': expected {}, got {}", file.origin(), key(name), expected, value);
  };
  expect_equal("attention.value_length", m.head_dim);
  expect_equal("rope.dimension_count", m.head_dim);  // rotating a part of a head cannot be said in these configs
  if (m.heads % m.kv_heads != 0 || m.head_dim % 2 != 0)
    throw Error("{}: metadata '{}': {} heads, {} key/value heads and head width {} do not fit together", file.origin(),
                key("attention.head_count"), m.heads, m.kv_heads, m.head_dim);
  m.norm_eps = shortest_f32(file, key("attention.layer_norm_rms_epsilon"));
  m.rope_theta = file.contains(key("rope.freq_base")) ? shortest_f32(file, key("rope.freq_base")) : 10000.0;
  m.rope_scaling = read_gguf_rope_scaling(file, m.architecture, m.head_dim, m.rope_theta);

  const GgufTensor* embedding = file.find_tensor("token_embd.weight");
  if (!embedding) throw Error("{}: tensor 'token_embd.weight': missing", file.origin());
  m.vocab = embedding->shape[0];
  expect_equal("vocab_size", m.vocab);
  m.tied_embeddings = !file.find_tensor("output.weight");
  m.attention_bias = file.find_tensor("blk.0.attn_q.bias") != nullptr;
  return m;
}

std::optional<int64_t> gguf_token_id(const GgufFile& file, std::string_view key) {
  if (!file.contains(key)) return std::nullopt;
  const int64_t id = file.integer(key);
  const auto tokens = static_cast<int64_t>(file.strings("tokenizer.ggml.tokens").size());
  if (id >= 0 && id < tokens) return id;
  throw Error("{}: metadata '{}': token {} is outside the vocabulary of {}", file.origin(), key, id, tokens);
}

}  // namespace lorica
