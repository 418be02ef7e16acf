#include "engine/model/config.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/model/config_families.h"

namespace lorica {
namespace {

constexpr int64_t kMostClasses = 1 << 20;

// Keys of published configs that do not change what a forward pass computes.
constexpr std::initializer_list<const char*> kHarmless = {"architectures",
                                                          "model_type",
                                                          "torch_dtype",
                                                          "dtype",
                                                          "transformers_version",
                                                          "use_cache",
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

std::vector<std::string> read_labels(ConfigReader& config) {
  if (!config.has("id2label")) {
    const int64_t count = config.positive("num_labels", 2);
    if (count > kMostClasses)
      throw Error("{}: num_labels: more than {} labels: {}", config.origin(), kMostClasses, count);
    return default_labels(count);
  }
  return parse_labels(config.object(), config.origin());
}

/// The head by the first of "architectures": a language model where nothing is said.
void read_head(ConfigReader& config, ModelConfig& model) {
  if (!config.has("architectures")) return;
  const auto names = config.get<std::vector<std::string>>("architectures");
  if (names.empty() || !names[0].ends_with("ForSequenceClassification")) return;
  if (config.has("problem_type") && config.at("problem_type") != "single_label_classification")
    throw Error("{}: problem_type: only single_label_classification is supported, got {}", config.origin(),
                config.at("problem_type").dump());
  model.become_classifier(read_labels(config));
  if (model.classes() < 2)
    throw Error("{}: id2label: one label means regression, which is not supported", config.origin());
}

void read_initializer_range(ConfigReader& config, ModelConfig& model) {
  if (!config.has("initializer_range")) return;
  const nlohmann::json& value = config.at("initializer_range");
  if (value.is_number()) model.initializer_range = value.get<float>();
  if (!value.is_number() || !(model.initializer_range >= 0) || !std::isfinite(model.initializer_range))
    throw Error("{}: initializer_range: expected a number of at least 0, got '{}'", config.origin(), value.dump());
}

}  // namespace

std::vector<std::string> default_labels(int64_t count) {
  std::vector<std::string> labels;
  for (int64_t i = 0; i < count; ++i) labels.push_back(fmt::format("LABEL_{}", i));
  return labels;
}

std::vector<std::string> parse_labels(const nlohmann::json& object, const std::string& origin) {
  const auto names = object.find("id2label");
  if (names == object.end() || !names->is_object() || names->empty())
    throw Error("{}: id2label: expected names by number", origin);
  std::vector<std::string> labels;
  for (size_t i = 0; i < names->size(); ++i) {
    const auto name = names->find(std::to_string(i));
    if (name == names->end() || !name->is_string())
      throw Error("{}: id2label: {} labels, but no text for number {}", origin, names->size(), i);
    if (std::find(labels.begin(), labels.end(), name->get<std::string>()) != labels.end())
      throw Error("{}: id2label: '{}' stands twice", origin, name->get<std::string>());
    labels.push_back(name->get<std::string>());
  }
  return labels;
}

void ModelConfig::become_classifier(std::vector<std::string> class_names) {
  labels = std::move(class_names);
  logits_softcap = 0;
  logits_scale = 1;
}

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
  read_initializer_range(config, model);
  read_head(config, model);
  config.refuse_unknown(family);
  return model;
}

}  // namespace lorica
