#include "recipes/session.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "io/formats/file_bytes.h"
#include "io/formats/safetensors_folder.h"
#include "io/hub/hub.h"
#include "recipes/setup.h"

namespace lorica {

Session::Session(const std::filesystem::path& model, const SessionOptions& options)
    : folder_(model_folder(model.string())),
      context_(open_device(options.device, options.device_place)),
      lasting_(context_.memory()),
      passing_(context_.memory()) {
  text_ = load_text_folder(folder_, options.chat_template);
  const std::filesystem::path config_path = folder_ / "config.json";
  const ModelConfig config = parse_model_config(read_file(config_path), config_path.string());
  if (config.classes > 0)
    throw Error("{}: architectures: a sequence classifier; only language models can be trained or asked",
                config_path.string());
  const BuildOptions build{.weights = std::make_shared<SafetensorsFolder>(folder_),
                           .dtype = resolve_precision(options.precision, context_.device),
                           .trained = options.train_base};
  model_ = Decoder::build(context_, {lasting_, passing_}, config, build);
  check_tokenizer();
  find_stop_tokens();
  if (options.adapter.empty()) return;
  const PeftAdapter adapter(options.adapter);
  adapter.attach_to(*model_);
  adapter_config_ = adapter.config();
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
