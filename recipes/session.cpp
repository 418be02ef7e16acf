#include "recipes/session.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/convert.h"
#include "engine/model/replaced_weight.h"
#include "io/formats/file_bytes.h"
#include "io/formats/safetensors_folder.h"
#include "io/hub/hub.h"
#include "recipes/classes.h"

namespace lorica {

ModelParts open_model(const std::filesystem::path& folder, const std::filesystem::path& adapter) {
  const std::filesystem::path config_path = folder / "config.json";
  ModelParts parts{.config = parse_model_config(read_file(config_path), config_path.string()),
                   .weights = std::make_shared<SafetensorsFolder>(folder),
                   .adapter = nullptr};
  if (adapter.empty()) return parts;
  parts.adapter = std::make_unique<PeftAdapter>(adapter);
  const In head = parts.adapter->head();
  if (!head) return parts;
  if (head.shape[1] != parts.config.hidden_size)
    throw Error("{}: the adapter is for another model: its head is {} wide, the model {}", adapter.string(),
                head.shape[1], parts.config.hidden_size);
  std::vector<float> values(static_cast<size_t>(head.elements()));
  convert_floats(head, {values.data(), head.shape, Dtype::f32}, adapter.string() + ": score");
  parts.config.become_classifier(parts.adapter->labels(parts.config.labels));
  parts.weights = std::make_shared<ReplacedWeight>(parts.weights, "score.weight", head.shape, std::move(values));
  return parts;
}

Session::Session(const std::filesystem::path& model, const SessionOptions& options)
    : folder_(model_folder(model.string())),
      context_(open_device(options.on)),
      lasting_(context_.memory()),
      passing_(context_.memory()) {
  text_ = load_text_folder(folder_, options.chat_template);
  ModelParts parts = open_model(folder_, options.adapter);
  if (!options.labels.empty()) parts.config.become_classifier(options.labels);
  if (options.new_head) {
    const int64_t classes = parts.config.classes(), width = parts.config.hidden_size;
    parts.weights =
        std::make_shared<ReplacedWeight>(parts.weights, "score.weight", Shape{classes, width},
                                         new_head(classes, width, parts.config.initializer_range, options.seed));
  }
  const BuildOptions build{.weights = parts.weights,
                           .dtype = resolve_precision(options.precision, context_.device),
                           .trained = options.train_base,
                           .train_head = options.train_head};
  model_ = Decoder::build(context_, {lasting_, passing_}, parts.config, build);
  check_tokenizer();
  find_stop_tokens();
  if (!parts.adapter) return;
  parts.adapter->attach_to(*model_);
  adapter_config_ = parts.adapter->config();
}

void Session::require_language_model(const std::string& what) const {
  if (model_->config().classes() > 0)
    throw Error("{}: a sequence classifier, which cannot {}; lorica classify asks it", folder_.string(), what);
}

void Session::check_tokenizer() const {
  if (text_.tokenizer->vocab_size() > model_->config().vocab_size)
    throw Error("{}: the tokenizer does not fit the model: it has {} tokens, the model's vocabulary {}",
                (folder_ / "tokenizer.json").string(), text_.tokenizer->vocab_size(), model_->config().vocab_size);
}

void Session::find_stop_tokens() {
  stop_tokens_ = model_->config().eos_tokens;
  const std::filesystem::path path = folder_ / "generation_config.json";
  if (std::filesystem::exists(path)) {
    const nlohmann::json object = nlohmann::json::parse(read_file(path), nullptr, false);
    if (object.is_discarded() || !object.is_object()) throw Error("{}: not a JSON object", path.string());
    const nlohmann::json eos = object.value("eos_token_id", nlohmann::json());
    for (const nlohmann::json& id : eos.is_array() ? eos : nlohmann::json::array({eos}))
      if (id.is_number_integer()) stop_tokens_.push_back(id.get<int32_t>());
  }
  if (const auto id = text_.tokenizer->id_of(text_.chat.eos_token)) stop_tokens_.push_back(*id);
  std::sort(stop_tokens_.begin(), stop_tokens_.end());
  stop_tokens_.erase(std::unique(stop_tokens_.begin(), stop_tokens_.end()), stop_tokens_.end());
}

}  // namespace lorica
