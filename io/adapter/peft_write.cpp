#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "io/adapter/peft.h"
#include "io/formats/file_bytes.h"
#include "io/formats/safetensors_write.h"

namespace lorica {
namespace {

using nlohmann::json;

json list_or_null(const std::vector<int>& values) { return values.empty() ? json() : json(values); }

std::string last_part(const std::string& path) { return path.substr(path.rfind('.') + 1); }

/// The adapted layers by the last part of their names, or by whole paths where a name stands for others too.
std::set<std::string> adapted_modules(const Decoder& model) {
  std::set<std::string> names, paths, plain;
  for (const LinearLayer* layer : model.linears()) {
    if (!layer->lora) plain.insert(last_part(layer->name()));
    if (!layer->lora) continue;
    names.insert(last_part(layer->name()));
    paths.insert(layer->name());
  }
  const bool exact = std::none_of(names.begin(), names.end(), [&](const auto& name) { return plain.contains(name); });
  return exact ? names : paths;
}

/// The long-standing keys of PEFT's LoraConfig; json::object sorts them as PEFT does.
json config_json(const Decoder& model, const PeftConfig& config) {
  std::set<std::string> targets(config.target_modules.begin(), config.target_modules.end());
  if (targets.empty()) targets = adapted_modules(model);
  return {{"alpha_pattern", config.alpha_pattern.empty() ? json::object() : json(config.alpha_pattern)},
          {"base_model_name_or_path", config.base_model},
          {"bias", "none"},
          {"fan_in_fan_out", model.config().family == "gpt2"},
          {"inference_mode", true},
          {"init_lora_weights", true},
          {"layers_pattern", nullptr},
          {"layers_to_transform", list_or_null(config.layers_to_transform)},
          {"lora_alpha", config.lora_alpha == static_cast<double>(static_cast<int64_t>(config.lora_alpha))
                             ? json(static_cast<int64_t>(config.lora_alpha))
                             : json(config.lora_alpha)},
          {"lora_dropout", config.lora_dropout},
          {"modules_to_save", model.trained_head() ? json({"score"}) : json()},
          {"peft_type", "LORA"},
          {"r", config.r},
          {"rank_pattern", config.rank_pattern.empty() ? json::object() : json(config.rank_pattern)},
          {"revision", nullptr},
          {"target_modules", targets},
          {"task_type", model.config().classes() > 0 ? "SEQ_CLS" : "CAUSAL_LM"},
          {"use_dora", false},
          {"use_rslora", config.use_rslora}};
}

std::string read_me(const PeftConfig& config, bool classifier) {
  const std::string head = fmt::format(
      "---\nbase_model: {0}\nlibrary_name: peft\ntags:\n- lora\n---\n\n"
      "A LoRA adapter for `{0}`, rank {1}, alpha {2}, trained by Lorica.\n\n",
      config.base_model, config.r, config.lora_alpha);
  if (!classifier)
    return head + fmt::format(
                      "```python\nfrom peft import PeftModel\nfrom transformers import AutoModelForCausalLM\n"
                      "model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(\"{0}\"), "
                      "\"path/to/this/folder\")\n```\n",
                      config.base_model);
  return head + fmt::format(
                    "It classifies texts; `labels.json` names the classes.\n\n"
                    "```python\nimport json\nfrom peft import PeftModel\n"
                    "from transformers import AutoModelForSequenceClassification\n"
                    "names = json.load(open(\"path/to/this/folder/labels.json\"))[\"id2label\"]\n"
                    "names = {{int(number): name for number, name in names.items()}}\n"
                    "base = AutoModelForSequenceClassification.from_pretrained(\"{0}\", id2label=names)\n"
                    "model = PeftModel.from_pretrained(base, \"path/to/this/folder\")\n```\n",
                    config.base_model);
}

}  // namespace

nlohmann::ordered_json labels_json(const ClassNames& labels) {
  nlohmann::ordered_json by_number = nlohmann::ordered_json::object(), by_name = by_number;
  for (size_t i = 0; i < labels.size(); ++i) {
    by_number[std::to_string(i)] = labels[i];
    by_name[labels[i]] = i;
  }
  return {{"id2label", by_number}, {"label2id", by_name}};
}

void write_peft_adapter(const std::filesystem::path& folder, const Decoder& model, const PeftConfig& config) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw RunError("{}: cannot create the folder: {}", folder.string(), failure.message());
  std::vector<TensorToWrite> tensors;
  for (const LinearLayer* layer : model.linears()) {
    if (!layer->lora) continue;
    for (const Parameter* p : {&layer->lora->a, &layer->lora->b})
      tensors.push_back(tensor_to_write("base_model.model." + p->name, p->value));
  }
  if (const Parameter* head = model.trained_head())
    tensors.push_back(tensor_to_write("base_model.model." + head->name, head->value));
  write_safetensors(folder / "adapter_model.safetensors", std::move(tensors), {{"format", "pt"}});
  write_file_atomically(folder / "adapter_config.json", config_json(model, config).dump(2));
  const bool classifier = model.config().classes() > 0;
  if (classifier) write_file_atomically(folder / "labels.json", labels_json(model.config().labels).dump(2) + "\n");
  write_file_atomically(folder / "README.md", read_me(config, classifier));
}

}  // namespace lorica
