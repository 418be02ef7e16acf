#include "recipes/model_output.h"

#include <nlohmann/json.hpp>

#include "io/adapter/peft.h"
#include "io/formats/file_bytes.h"
#include "io/formats/safetensors_write.h"
#include "recipes/classes.h"

namespace lorica {

namespace {

/// config.json of the base with what makes Transformers load the classifier.
std::string classifier_config(const std::filesystem::path& base, const ModelConfig& model) {
  using nlohmann::ordered_json;
  ordered_json config = ordered_json::parse(read_file(base / "config.json"));
  config["architectures"] = {classifier_architecture(model.family)};
  config.update(labels_json(model.labels));
  config["num_labels"] = model.classes();
  const ordered_json pad = config.value("pad_token_id", ordered_json());
  // Transformers finds the last token of a padded text by it
  if (!pad.is_number_integer() && !model.eos_tokens.empty()) config["pad_token_id"] = model.eos_tokens.front();
  return config.dump(2) + "\n";
}

}  // namespace

void write_model_folder(const std::filesystem::path& folder, const std::filesystem::path& base, const Decoder& model) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw RunError("{}: cannot create the folder: {}", folder.string(), failure.message());
  std::vector<TensorToWrite> tensors;
  for (const Parameter* parameter : model.parameters())
    tensors.push_back(tensor_to_write(parameter->name, parameter->value));
  write_safetensors(folder / "model.safetensors", std::move(tensors), {{"format", "pt"}});
  const bool classifier = model.config().classes() > 0;
  write_file_atomically(folder / "config.json",
                        classifier ? classifier_config(base, model.config()) : read_file(base / "config.json"));
  for (const char* name : {"generation_config.json", "tokenizer.json", "tokenizer_config.json",
                           "special_tokens_map.json", "chat_template.jinja"})
    if (std::filesystem::exists(base / name)) write_file_atomically(folder / name, read_file(base / name));
}

}  // namespace lorica
