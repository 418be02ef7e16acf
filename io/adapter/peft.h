#pragma once
#include <filesystem>
#include <map>
#include <memory>
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

/// A PEFT adapter folder: adapter_config.json and adapter_model.safetensors.
class PeftAdapter {
 public:
  /// Throws Error for what Lorica cannot apply exactly (DoRA, trained biases, modules_to_save, a method other than
  /// LoRA, a setting it does not know), naming file, key and value, and for A without B or ranks that disagree.
  explicit PeftAdapter(const std::filesystem::path& folder);
  ~PeftAdapter();

  struct Module {
    In a, b;  ///< [r, in], [out, r]
    double scale = 1;
  };
  const PeftConfig& config() const { return config_; }
  /// By module path ("model.layers.0.mlp.up_proj").
  const std::map<std::string, Module>& modules() const { return modules_; }

  /// Attaches the adapter to the model. Throws Error when it is for another model: a module or a width that does not
  /// fit.
  void attach_to(Decoder& model) const;

 private:
  double scale_of(const std::string& module, int64_t rank) const;

  std::filesystem::path folder_;
  PeftConfig config_;
  std::unique_ptr<SafetensorsFile> file_;
  std::map<std::string, Module> modules_;
};

/// Writes the model's adapter as a PEFT folder (adapter_config.json, adapter_model.safetensors, README.md), each file
/// written aside and renamed. `config` gives what the tensors do not. Throws RunError when it cannot be written.
void write_peft_adapter(const std::filesystem::path& folder, const Decoder& model, const PeftConfig& config);

}  // namespace lorica
