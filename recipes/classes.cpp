#include "recipes/classes.h"

#include <map>

#include "engine/model/config.h"
#include "io/adapter/peft.h"
#include "io/data/labels.h"
#include "io/formats/file_bytes.h"
#include "recipes/normal.h"
#include "recipes/setup.h"

namespace lorica {
namespace {

/// The labels that a head knows already; data.labels may give names to classes that have none.
RunClasses known_classes(std::vector<std::string> known, const std::vector<std::string>& wanted,
                         const std::string& origin) {
  if (wanted.empty() || wanted == known) return {std::move(known), false};
  if (wanted.size() != known.size())
    throw Error("data.labels: {} labels, but {} has {}", wanted.size(), origin, known.size());
  if (known != default_labels(static_cast<int64_t>(known.size())))
    throw Error("data.labels: not the labels of {}, or in another order; leave them out", origin);
  return {wanted, false};
}

}  // namespace

RunClasses find_classes(const Recipe& recipe, const std::filesystem::path& model) {
  const std::string config_path = (model / "config.json").string();
  const ModelConfig config = parse_model_config(read_file(config_path), config_path);
  if (recipe.model.task == Task::kCausalLm) {
    if (config.classes() > 0)
      throw Error("{}: architectures: a sequence classifier, which is trained with model.task: seq_cls", config_path);
    return {};
  }
  classifier_architecture(config.family);
  if (!recipe.adapter.path.empty()) {
    const PeftAdapter adapter(recipe.adapter.path);
    if (adapter.head()) return known_classes(adapter.labels(config.labels), recipe.data.labels, recipe.adapter.path);
  }
  if (config.classes() > 0) return known_classes(config.labels, recipe.data.labels, config_path);
  std::vector<std::string> labels = recipe.data.labels;
  if (labels.empty()) labels = labels_in(data_options(recipe).train);
  if (labels.size() == 1)
    throw Error("{}: all rows have the label '{}'; a classifier needs at least two", recipe.data.train.front().path,
                labels[0]);
  const bool any = !labels.empty();  // without any the files are at fault, and load_data() says what it is
  return {std::move(labels), any};
}

DataOptions data_options(const Recipe& recipe, const RunClasses& classes) {
  DataOptions options = data_options(recipe);
  options.classes = classes.labels;
  return options;
}

std::vector<float> new_head(int64_t classes, int64_t hidden, float spread, uint64_t seed) {
  constexpr uint64_t kStream = 0x73636F7265;  // unlike the number of any module or weight
  std::vector<float> values(static_cast<size_t>(classes * hidden));
  fill_normal(seed, kStream, spread, 0, classes * hidden, values.data());
  return values;
}

std::string classifier_architecture(const std::string& model_type) {
  static const std::map<std::string, std::string> kNames = {
      {"llama", "Llama"},   {"mistral", "Mistral"},        {"qwen2", "Qwen2"}, {"qwen3", "Qwen3"},
      {"gemma2", "Gemma2"}, {"gemma3_text", "Gemma3Text"}, {"phi3", "Phi3"},   {"olmo2", "Olmo2"},
      {"gpt2", "GPT2"},     {"smollm3", "SmolLM3"}};
  const auto found = kNames.find(model_type);
  if (found == kNames.end())
    throw Error("model.task: Transformers has no sequence classifier for model_type '{}'", model_type);
  return found->second + "ForSequenceClassification";
}

}  // namespace lorica
