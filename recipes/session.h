#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/model/decoder.h"
#include "io/adapter/peft.h"
#include "recipes/recipe.h"
#include "recipes/setup.h"
#include "recipes/text_side.h"

namespace lorica {

struct SessionOptions {
  DeviceOptions on = {};
  Precision precision = Precision::kAuto;
  bool train_base = false;                   ///< all weights are parameters
  std::filesystem::path adapter = {};        ///< PEFT folder to attach; empty: none
  std::filesystem::path chat_template = {};  ///< overrides the model's own; empty: that one
  bool train_head = false;                   ///< a classifier's head is a parameter
  std::vector<std::string> labels = {};      ///< of a classifier, in place of the model's own
  bool new_head = false;                     ///< the model gets a fresh head for the labels
  uint64_t seed = 0;                         ///< of that head
};

/// A model with what an adapter changes when it is built: a classifier's head that was trained beside it is part of the
/// configuration and of the weights.
struct ModelParts {
  ModelConfig config;
  std::shared_ptr<const WeightSource> weights;
  std::unique_ptr<const PeftAdapter> adapter;  ///< to attach once the model is built; null: none
};
ModelParts open_model(const std::filesystem::path& folder, const std::filesystem::path& adapter);

/// A model folder in the memory of a device with what belongs to it. One session holds one device context and its two
/// arenas; tensors of it must not outlive it.
class Session {
 public:
  /// `model` is a folder or a name on the hub.
  /// Throws Error naming the file for anything that is missing, malformed or does not fit together (a tokenizer with
  /// more tokens than the model has rows, an adapter for another model).
  Session(const std::filesystem::path& model, const SessionOptions& options);

  Context& context() { return context_; }
  /// For what a pass makes.
  Arena& arena() { return passing_; }
  /// Bytes of the device that the arenas hold.
  size_t bytes_held() const { return lasting_.bytes_held() + passing_.bytes_held(); }
  Decoder& model() { return *model_; }
  /// Throws Error where the model is a classifier, which cannot do `what`.
  void require_language_model(const std::string& what) const;
  /// The longest prompt and answer together, in tokens.
  int64_t positions() const { return model_->config().max_positions; }
  const Tokenizer& tokenizer() const { return *text_.tokenizer; }
  /// Empty chat pointer where the folder has no template.
  const ModelTemplate& chat_template() const { return text_.chat; }
  const TextFolder& text() const { return text_; }
  const std::filesystem::path& folder() const { return folder_; }
  /// Tokens that end an answer: of config.json, generation_config.json and the tokenizer's eos token.
  const std::vector<int32_t>& stop_tokens() const { return stop_tokens_; }
  const std::optional<PeftConfig>& adapter_config() const { return adapter_config_; }

 private:
  void check_tokenizer() const;
  void find_stop_tokens();

  std::filesystem::path folder_;
  Context context_;
  Arena lasting_, passing_;
  TextFolder text_;
  std::vector<int32_t> stop_tokens_;
  std::optional<PeftConfig> adapter_config_;
  std::unique_ptr<Decoder> model_;
};

}  // namespace lorica
