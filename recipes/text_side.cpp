#include "recipes/text_side.h"

#include <nlohmann/json.hpp>

#include "io/formats/file_bytes.h"
#include "io/hub/hub.h"
#include "kernels/error.h"

namespace lorica {

std::filesystem::path existing_model_folder(const std::filesystem::path& model) {
  std::filesystem::path folder = model_folder(model.string());
  if (!std::filesystem::is_directory(folder)) throw Error("{}: no such model folder", folder.string());
  return folder;
}

TextFolder load_text_folder(const std::filesystem::path& model, const std::filesystem::path& chat_template) {
  const std::filesystem::path folder = existing_model_folder(model);
  TextFolder result{Tokenizer::load(folder), load_chat_template(folder)};
  if (!chat_template.empty())
    result.chat.chat = std::make_shared<ChatTemplate>(read_file(chat_template), chat_template.string());
  return result;
}

std::string render_messages(const ModelTemplate& chat, const nlohmann::ordered_json& messages) {
  if (!chat.chat)
    throw Error(
        "no chat template: the model folder has neither chat_template.jinja nor chat_template in "
        "tokenizer_config.json; name one with --chat-template (data.chat_template in a recipe)");
  RenderOptions options;
  options.add_generation_prompt = true;
  options.bos_token = chat.bos_token;
  options.eos_token = chat.eos_token;
  return chat.chat->render(messages, options);
}

std::string render_prompt(const ModelTemplate& chat, const std::string& system_prompt, const std::string& user) {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  if (!system_prompt.empty()) messages.push_back({{"role", "system"}, {"content", system_prompt}});
  messages.push_back({{"role", "user"}, {"content", user}});
  return render_messages(chat, messages);
}

}  // namespace lorica
