#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "engine/model/lora.h"

namespace lorica {

class SafetensorsFile;

/// What adapter_config.json says.
struct PeftConfig {
  int64_t r = 16;
  double lora_alpha = 32;
  double lora_dropout = 0;
  bool use_rslora = false;
  std::vector<std::string> target_modules = {};
  std::vector<int> layers_to_transform = {};
  std::string base_model = {};  ///< base_model_name_or_path, may be empty
  std::map<std::string, double> alpha_pattern = {};
  std::map<std::string, int64_t> rank_pattern = {};
};

/// The names of a classifier's classes, by number.
using ClassNames = std::vector<std::string>;

/// A PEFT adapter folder: adapter_config.json and adapter_model.safetensors.
class PeftAdapter {
 public:
  /// Throws Error for what Lorica cannot apply exactly (DoRA, trained biases, modules_to_save but a classifier's head,
  /// a method other than LoRA, a setting it does not know), naming file, key and value, and for A without B or ranks
  /// that disagree.
  explicit PeftAdapter(const std::filesystem::path& folder);
  ~PeftAdapter();

  struct Module {
    In a, b;  ///< [r, in], [out, r]
    double scale = 1;
  };
  const PeftConfig& config() const { return config_; }
  /// By module path ("model.layers.0.mlp.up_proj").
  const std::map<std::string, Module>& modules() const { return modules_; }
  /// The classifier's head that was trained beside the adapter, [classes, hidden]; empty where there is none. A model
  /// gets it when it is built.
  const In& head() const { return head_; }
  /// The names of the head's classes: of labels.json, else `fallback` where it has as many, else LABEL_0, LABEL_1, ...
  ClassNames labels(const ClassNames& fallback) const;

  /// Attaches the adapter to the model. Throws Error when it is for another model: a module or a width that does not
  /// fit.
  void attach_to(Decoder& model) const;

 private:
  double scale_of(const std::string& module, int64_t rank) const;

  std::filesystem::path folder_;
  PeftConfig config_;
  std::unique_ptr<SafetensorsFile> file_;
  std::map<std::string, Module> modules_;
  In head_;
};

/// {"id2label": {"0": ...}, "label2id": {...}}: the form that config.json of a classifier has them in.
nlohmann::ordered_json labels_json(const ClassNames& labels);

/// Writes the model's adapter as a PEFT folder (adapter_config.json, adapter_model.safetensors, README.md), each file
/// written aside and renamed; for a classifier with its trained head and labels.json, which PEFT passes over. `config`
/// gives what the tensors do not. Throws RunError when it cannot be written.
void write_peft_adapter(const std::filesystem::path& folder, const Decoder& model, const PeftConfig& config);

}  // namespace lorica
