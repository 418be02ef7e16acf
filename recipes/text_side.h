#pragma once
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "io/chat_template/chat_template.h"
#include "io/tokenizer/tokenizer.h"

namespace lorica {

/// The folder of a model that is named by its path or by its name on the hub. Throws Error where there is none.
std::filesystem::path existing_model_folder(const std::filesystem::path& model);

/// The text side of a model folder without its weights, for the data verbs.
struct TextFolder {
  std::shared_ptr<const Tokenizer> tokenizer;
  ModelTemplate chat;
};
/// `model` is a folder or a name on the hub. `chat_template` overrides the folder's own; the chat pointer is null where
/// there is none.
TextFolder load_text_folder(const std::filesystem::path& model, const std::filesystem::path& chat_template);

/// A conversation up to where the model's next reply starts; throws Error when there is no template or it refuses.
std::string render_messages(const ModelTemplate& chat, const nlohmann::ordered_json& messages);
/// The same for one user message.
std::string render_prompt(const ModelTemplate& chat, const std::string& system_prompt, const std::string& user);

}  // namespace lorica
