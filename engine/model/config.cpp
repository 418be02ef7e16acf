#include "engine/model/config.h"

#include <map>

#include "engine/model/config_families.h"

namespace lorica {
namespace {

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

void read_token_ids(ConfigReader& config, ModelConfig& model) {
  if (config.has("bos_token_id")) model.bos_token = config.get<int32_t>("bos_token_id");
  if (!config.has("eos_token_id")) return;
  if (config.at("eos_token_id").is_array())
    model.eos_tokens = config.get<std::vector<int32_t>>("eos_token_id");
  else
    model.eos_tokens = {config.get<int32_t>("eos_token_id")};
}

/// The head by the first of "architectures": a language model where nothing is said.
void read_head(ConfigReader& config, ModelConfig& model) {
  if (!config.has("architectures")) return;
  const auto names = config.get<std::vector<std::string>>("architectures");
  if (names.empty() || !names[0].ends_with("ForSequenceClassification")) return;
  model.classes =
      config.has("id2label") ? static_cast<int64_t>(config.at("id2label").size()) : config.positive("num_labels", 2);
  if (model.classes < 1) throw Error("{}: id2label: no labels", config.origin());
}

}  // namespace

ModelConfig parse_model_config(std::string_view text, const std::string& origin) {
  static const std::map<std::string, ModelConfig (*)(ConfigReader&)> kFamilies = {
      {"llama", read_llama},  {"mistral", read_llama},     {"qwen2", read_llama}, {"qwen3", read_llama},
      {"gemma2", read_gemma}, {"gemma3_text", read_gemma}, {"phi3", read_phi3},   {"granite", read_granite},
      {"olmo2", read_olmo2},  {"smollm3", read_smollm3},   {"gpt2", read_gpt2}};
  const nlohmann::json object = nlohmann::json::parse(text, nullptr, false);
  if (object.is_discarded() || !object.is_object()) throw Error("{}: not a JSON object", origin);
  ConfigReader config(object, origin);
  const auto family = config.get<std::string>("model_type");
  const auto found = kFamilies.find(family);
  if (found == kFamilies.end()) {
    std::string known;
    for (const auto& [name, read] : kFamilies) known += (known.empty() ? "" : ", ") + name;
    throw Error("{}: model_type '{}' is not supported ({} are)", origin, family, known);
  }
  config.ignore(kHarmless);
  ModelConfig model = found->second(config);
  model.family = family;
  read_token_ids(config, model);
  read_head(config, model);
  config.refuse_unknown(family);
  return model;
}

}  // namespace lorica
