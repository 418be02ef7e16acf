#include "io/formats/gguf_convert.h"

#include <nlohmann/json.hpp>

#include "io/formats/file_bytes.h"
#include "io/formats/gguf_model.h"
#include "io/formats/printable.h"

namespace lorica {
namespace {

using nlohmann::ordered_json;
namespace fs = std::filesystem;

struct Names {
  const char *model_type, *architecture;
};

Names names_of(const std::string& architecture) {
  if (architecture == "qwen2") return {"qwen2", "Qwen2ForCausalLM"};
  if (architecture == "qwen3") return {"qwen3", "Qwen3ForCausalLM"};
  return {"llama", "LlamaForCausalLM"};
}

const char* torch_name(Dtype dtype) {
  return dtype == Dtype::f16 ? "float16" : dtype == Dtype::bf16 ? "bfloat16" : "float32";
}

ordered_json rope_scaling_json(const std::optional<GgufRopeScaling>& scaling) {
  if (!scaling) return nullptr;
  ordered_json result = {{"rope_type", scaling->type}, {"factor", scaling->factor}};
  if (scaling->type == "llama3") {
    result["low_freq_factor"] = scaling->low_freq_factor;
    result["high_freq_factor"] = scaling->high_freq_factor;
  }
  if (scaling->original_context > 0) result["original_max_position_embeddings"] = scaling->original_context;
  return result;
}

void add_token_ids(const GgufFile& file, ordered_json& to) {
  const std::pair<const char*, const char*> kIds[] = {{"bos_token_id", "tokenizer.ggml.bos_token_id"},
                                                      {"eos_token_id", "tokenizer.ggml.eos_token_id"},
                                                      {"pad_token_id", "tokenizer.ggml.padding_token_id"}};
  for (const auto& [name, key] : kIds)
    if (const auto id = gguf_token_id(file, key)) to[name] = *id;
}

ordered_json config_json(const GgufFile& file, const GgufModel& m, Dtype dtype) {
  const Names names = names_of(m.architecture);
  ordered_json config;
  config["architectures"] = {names.architecture};
  config["model_type"] = names.model_type;
  if (m.architecture != "qwen2") config["attention_bias"] = m.attention_bias;
  config["attention_dropout"] = 0.0;
  add_token_ids(file, config);
  config["head_dim"] = m.head_dim;
  config["hidden_act"] = "silu";
  config["hidden_size"] = m.width;
  config["initializer_range"] = 0.02;
  config["intermediate_size"] = m.ffn_width;
  config["max_position_embeddings"] = m.context;
  if (m.architecture == "llama") config["mlp_bias"] = false;
  config["num_attention_heads"] = m.heads;
  config["num_hidden_layers"] = m.layers;
  config["num_key_value_heads"] = m.kv_heads;
  config["rms_norm_eps"] = m.norm_eps;
  config["rope_scaling"] = rope_scaling_json(m.rope_scaling);
  config["rope_theta"] = m.rope_theta;
  config["tie_word_embeddings"] = m.tied_embeddings;
  config["torch_dtype"] = torch_name(dtype);
  config["use_cache"] = true;
  config["vocab_size"] = m.vocab;
  return config;
}

/// Generation stops at the end of the text and, where the file names one, at the end of the turn.
ordered_json generation_config_json(const GgufFile& file) {
  ordered_json config = ordered_json::object();
  add_token_ids(file, config);
  const auto eos = gguf_token_id(file, "tokenizer.ggml.eos_token_id");
  const auto turn = gguf_token_id(file, "tokenizer.ggml.eot_token_id");
  if (eos && turn && *eos != *turn) config["eos_token_id"] = {*eos, *turn};
  return config;
}

/// The texts of the small files, made before anything is written.
std::vector<std::pair<std::string, std::string>> small_files(const GgufFile& file, const GgufModel& model,
                                                             Dtype dtype) {
  std::vector<std::pair<std::string, std::string>> files;
  const auto add = [&](const char* name, const ordered_json& json) { files.emplace_back(name, json.dump(2) + "\n"); };
  if (const auto text = gguf_chat_template(file)) files.emplace_back("chat_template.jinja", *text);
  add("tokenizer.json", gguf_tokenizer_json(file));
  add("tokenizer_config.json", gguf_tokenizer_config_json(file, model));
  add("generation_config.json", generation_config_json(file));
  add("config.json", config_json(file, model, dtype));  // last: a folder without it is no model
  return files;
}

}  // namespace

GgufConversionResult convert_gguf(const GgufConversion& conversion) {
  const GgufFile file(conversion.from);
  const GgufModel model = read_gguf_model(file);
  const auto tokens = static_cast<int64_t>(file.strings("tokenizer.ggml.tokens").size());
  if (tokens > model.vocab)
    throw Error("{}: metadata 'tokenizer.ggml.tokens': {} tokens, but token_embd.weight has {} rows", file.origin(),
                tokens, model.vocab);
  const Dtype dtype = conversion.dtype.value_or(gguf_natural_dtype(file));
  const auto weights = gguf_weights(file, model, dtype);
  const auto files = small_files(file, model, dtype);

  prepare_output_folder(conversion.to, conversion.overwrite);
  write_safetensors(conversion.to / "model.safetensors", weights, {{"format", "pt"}});
  for (const auto& [name, text] : files) write_file_atomically(conversion.to / name, text);

  GgufConversionResult result{.architecture = model.architecture, .dtype = dtype};
  for (const TensorToWrite& weight : weights) {
    ++result.tensors;
    result.parameters += weight.view.shape.elements();
  }
  return result;
}

}  // namespace lorica
