#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "engine/convert.h"
#include "io/adapter/peft.h"
#include "io/formats/file_bytes.h"
#include "io/formats/safetensors.h"

namespace lorica {
namespace {

using nlohmann::json;

// Keys of PEFT's LoraConfig that say how to make or serve an adapter, not what it computes.
const std::set<std::string> kHarmless = {"auto_mapping",
                                         "base_model_name_or_path",
                                         "fan_in_fan_out",
                                         "inference_mode",
                                         "init_lora_weights",
                                         "peft_version",
                                         "qalora_group_size",
                                         "revision",
                                         "task_type",
                                         "megatron_config",
                                         "megatron_core",
                                         "loftq_config",
                                         "layers_pattern",
                                         "exclude_modules",
                                         "runtime_config",
                                         "ensure_weight_tying",
                                         "target_modules",
                                         "layers_to_transform",
                                         "r",
                                         "lora_alpha",
                                         "lora_dropout",
                                         "use_rslora",
                                         "alpha_pattern",
                                         "rank_pattern",
                                         "modules_to_save",
                                         "peft_type",
                                         "bias"};

bool is_off(const json& value) {
  return value.is_null() || value == json(false) || (value.is_structured() && value.empty());
}

template <class T>
T value_of(const json& object, const std::string& key, const std::string& origin) {
  if (!object.contains(key)) throw Error("{}: missing key '{}'", origin, key);
  try {
    return object.at(key).get<T>();
  } catch (const json::exception&) {
    throw Error("{}: {}: wrong type: {}", origin, key, object.at(key).dump());
  }
}

template <class T>
T value_or(const json& object, const std::string& key, T fallback, const std::string& origin) {
  return object.contains(key) && !object.at(key).is_null() ? value_of<T>(object, key, origin) : fallback;
}

template <class T>
std::vector<T> list_of(const json& object, const std::string& key, const std::string& origin) {
  if (!object.contains(key) || object.at(key).is_null()) return {};
  if (!object.at(key).is_array()) return {value_of<T>(object, key, origin)};
  return value_of<std::vector<T>>(object, key, origin);
}

/// The other ways to initialise an adapter (PiSSA, OLoRA, ...) change the base weights as well.
void refuse_changed_base(const json& object, const std::string& origin) {
  const std::set<json> kept = {nullptr, true, false, "gaussian", "eva", "orthogonal"};
  const json init = object.contains("init_lora_weights") ? object.at("init_lora_weights") : json();
  if (!kept.contains(init))
    throw Error(
        "{}: init_lora_weights: {} changes the base weights, which is not supported; convert the adapter to a "
        "plain one with PEFT first",
        origin, init.dump());
}

/// PEFT names both for a classifier, whichever the model has.
void refuse_saved_modules(const json& object, const std::string& origin) {
  for (const auto& name : list_of<std::string>(object, "modules_to_save", origin))
    if (name != "score" && name != "classifier")
      throw Error("{}: modules_to_save: only a classifier's \"score\" is supported, got '{}'", origin, name);
}

PeftConfig parse_config(const std::filesystem::path& path) {
  const std::string origin = path.string();
  const json object = json::parse(read_file(path), nullptr, false);
  if (object.is_discarded() || !object.is_object()) throw Error("{}: not a JSON object", origin);
  const auto type = value_of<std::string>(object, "peft_type", origin);
  if (type != "LORA") throw Error("{}: peft_type: only LORA is supported, got '{}'", origin, type);
  const auto bias = value_or<std::string>(object, "bias", "none", origin);
  if (bias != "none") throw Error("{}: bias: only \"none\" is supported, got '{}'", origin, bias);
  refuse_changed_base(object, origin);
  refuse_saved_modules(object, origin);
  for (const auto& [key, value] : object.items())
    if (!kHarmless.contains(key) && !is_off(value))
      throw Error("{}: {}: not supported (value {})", origin, key, value.dump());

  PeftConfig config;
  config.r = value_of<int64_t>(object, "r", origin);
  config.lora_alpha = value_of<double>(object, "lora_alpha", origin);
  config.lora_dropout = value_or<double>(object, "lora_dropout", 0, origin);
  config.use_rslora = value_or<bool>(object, "use_rslora", false, origin);
  config.base_model = value_or<std::string>(object, "base_model_name_or_path", "", origin);
  // a string is a regular expression over paths, or "all-linear": the tensors say what it chose
  if (object.contains("target_modules") && object.at("target_modules").is_array())
    config.target_modules = list_of<std::string>(object, "target_modules", origin);
  config.layers_to_transform = list_of<int>(object, "layers_to_transform", origin);
  config.alpha_pattern = value_or<std::map<std::string, double>>(object, "alpha_pattern", {}, origin);
  config.rank_pattern = value_or<std::map<std::string, int64_t>>(object, "rank_pattern", {}, origin);
  if (config.r < 1) throw Error("{}: r: expected a positive integer, got {}", origin, config.r);
  return config;
}

/// PEFT's rule for alpha_pattern: a regular expression that matches the path or its end behind a dot; the first key
/// wins.
bool is_chosen_by(const std::string& module, const std::string& key) {
  try {
    return std::regex_match(module, std::regex("(.*\\.)?(" + key + ")"));
  } catch (const std::regex_error&) {
    throw Error("adapter_config.json: alpha_pattern: '{}' is not a regular expression", key);
  }
}

}  // namespace

PeftAdapter::~PeftAdapter() = default;

PeftAdapter::PeftAdapter(const std::filesystem::path& folder) : folder_(folder) {
  config_ = parse_config(folder / "adapter_config.json");
  file_ = std::make_unique<SafetensorsFile>(folder / "adapter_model.safetensors");
  const std::string origin = file_->origin();
  constexpr std::string_view kPrefix = "base_model.model.";
  for (const SafetensorsEntry& entry : file_->entries()) {
    std::string_view path = entry.name;
    if (path == "base_model.model.score.weight") {
      head_ = file_->tensor(entry.name);
      if (head_.shape.rank() != 2 || head_.shape[0] < 2)
        throw Error("{}: tensor '{}': expected at least two rows, got {}", origin, path, head_.shape.text());
      continue;
    }
    const bool is_a = path.ends_with(".lora_A.weight"), is_b = path.ends_with(".lora_B.weight");
    if (!path.starts_with(kPrefix) || (!is_a && !is_b))
      throw Error("{}: tensor '{}': not a LoRA factor of a linear layer; such adapters are not supported", origin,
                  path);
    path.remove_prefix(kPrefix.size());
    path.remove_suffix(std::string_view(".lora_A.weight").size());
    Module& module = modules_[std::string(path)];
    (is_a ? module.a : module.b) = file_->tensor(entry.name);
  }
  if (modules_.empty()) throw Error("{}: holds no adapter", origin);
  for (auto& [name, module] : modules_) {
    if (!module.a || !module.b) throw Error("{}: {}: lora_{} is missing", origin, name, module.a ? "B" : "A");
    if (module.a.shape.rank() != 2 || module.b.shape.rank() != 2 || module.a.shape[0] != module.b.shape[1])
      throw Error("{}: {}: lora_A {} and lora_B {} do not go together", origin, name, module.a.shape.text(),
                  module.b.shape.text());
    module.scale = scale_of(name, module.a.shape[0]);
  }
}

double PeftAdapter::scale_of(const std::string& module, int64_t rank) const {
  double alpha = config_.lora_alpha;
  for (const auto& [key, value] : config_.alpha_pattern) {
    if (!is_chosen_by(module, key)) continue;
    alpha = value;
    break;
  }
  return lora_scale(rank, alpha, config_.use_rslora);
}

ClassNames PeftAdapter::labels(const ClassNames& fallback) const {
  const auto count = static_cast<size_t>(head_ ? head_.shape[0] : 0);
  const std::filesystem::path path = folder_ / "labels.json";
  if (!std::filesystem::exists(path))
    return fallback.size() == count ? fallback : default_labels(static_cast<int64_t>(count));
  const json object = json::parse(read_file(path), nullptr, false);
  if (object.is_discarded() || !object.is_object()) throw Error("{}: not a JSON object", path.string());
  ClassNames labels = parse_labels(object, path.string());
  if (labels.size() != count)
    throw Error("{}: id2label: {} labels for a head of {}", path.string(), labels.size(), count);
  return labels;
}

void PeftAdapter::attach_to(Decoder& model) const {
  if (head_ && model.config().classes() != head_.shape[0])
    throw Error("{}: the adapter is for another model: it has a classifier's head of {} classes, the model {}",
                folder_.string(), head_.shape[0],
                model.config().classes() == 0 ? "none" : std::to_string(model.config().classes()));
  std::map<std::string, LinearLayer*> layers;
  for (LinearLayer* layer : model.linears()) layers[layer->name()] = layer;
  for (const auto& [name, module] : modules_) {
    const auto found = layers.find(name);
    if (found == layers.end())
      throw Error("{}: the adapter is for another model: this one has no linear layer '{}'", folder_.string(), name);
    LinearLayer& layer = *found->second;
    if (module.a.shape[1] != layer.in_features() || module.b.shape[0] != layer.out_features())
      throw Error("{}: the adapter is for another model: {} is [{}, {}] here, the adapter has [{}, {}]",
                  folder_.string(), name, layer.out_features(), layer.in_features(), module.b.shape[0],
                  module.a.shape[1]);
    LoraAdapter& lora = attach_lora(model, layer, module.a.shape[0], module.scale, config_.lora_dropout);
    load_floats(module.a, lora.a.value, folder_.string() + ": " + name);
    load_floats(module.b, lora.b.value, folder_.string() + ": " + name);
  }
}

}  // namespace lorica
