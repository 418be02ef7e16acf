#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/formats/gguf.h"
#include "io/formats/safetensors_write.h"

// What the parts of the GGUF conversion share; the way in is gguf_convert.h.
namespace lorica {

/// rope_scaling of config.json.
struct GgufRopeScaling {
  std::string type;  // "linear", "yarn" or "llama3"
  double factor = 1;
  double low_freq_factor = 0, high_freq_factor = 0;  // llama3
  int64_t original_context = 0;                      // llama3, yarn
};

/// The shape of a llama, qwen2 or qwen3 model, read from the metadata and the tensor list.
struct GgufModel {
  std::string architecture;
  int64_t layers, width, ffn_width, heads, kv_heads, head_dim, vocab, context;
  double norm_eps, rope_theta;
  std::optional<GgufRopeScaling> rope_scaling;
  bool tied_embeddings, attention_bias;
};

/// Throws Error for an unknown architecture and for every metadata key of the architecture that Lorica does not know.
GgufModel read_gguf_model(const GgufFile& file);

/// The rope scaling that the metadata and the tensor rope_freqs.weight ask for. Factors for single frequencies come
/// from Llama 3's rule, and its parameters are recovered; throws Error naming the tensor when they do not follow it.
std::optional<GgufRopeScaling> read_gguf_rope_scaling(const GgufFile& file, const std::string& architecture,
                                                      int64_t head_dim, double theta);

/// The model's tensors under their Hugging Face names, checked for shape and completeness; `fill` dequantises, undoes
/// the row permutation of a llama file's attn_q and attn_k, and rounds to `dtype`. The file must outlive the result.
std::vector<TensorToWrite> gguf_weights(const GgufFile& file, const GgufModel& model, Dtype dtype);

/// The 16-bit type that all matrices of the file share, else f32.
Dtype gguf_natural_dtype(const GgufFile& file);

/// A token's id that must lie in the vocabulary, or nothing when the key is absent.
std::optional<int64_t> gguf_token_id(const GgufFile& file, std::string_view key);

/// tokenizer.json of a byte-level BPE (tokenizer.ggml.model gpt2). Throws Error for other models and for a
/// pre-tokenizer (tokenizer.ggml.pre) that is not known.
nlohmann::ordered_json gguf_tokenizer_json(const GgufFile& file);
/// The model's chat template, if the file has one. Throws Error where it is not UTF-8.
std::optional<std::string_view> gguf_chat_template(const GgufFile& file);
/// tokenizer_config.json: special tokens, their flags, context length, chat template.
nlohmann::ordered_json gguf_tokenizer_config_json(const GgufFile& file, const GgufModel& model);

}  // namespace lorica
