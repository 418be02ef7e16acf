#include "recipes/text_side.h"

#include <nlohmann/json.hpp>

#include "io/formats/file_bytes.h"

namespace lorica {
namespace {

class TokenizerAdapter : public TextTokenizer {
 public:
  explicit TokenizerAdapter(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  std::vector<int32_t> encode(std::string_view text, bool add_special_tokens) const override {
    return tokenizer_.encode(text, add_special_tokens);
  }
  std::string decode(const std::vector<int32_t>& ids) const override { return tokenizer_.decode(ids); }
  bool is_special(int32_t id) const override { return tokenizer_.is_special(id); }
  std::optional<int32_t> id_of(std::string_view token) const override { return tokenizer_.id_of(token); }

 private:
  const Tokenizer& tokenizer_;
};

class TemplateAdapter : public ChatRenderer {
 public:
  explicit TemplateAdapter(const ModelTemplate& chat) : chat_(chat) {}
  std::string render(const nlohmann::ordered_json& messages, bool add_generation_prompt) const override {
    return chat_.chat->render(messages, options(add_generation_prompt));
  }
  RenderedChat render_marked(const nlohmann::ordered_json& messages) const override {
    const ChatTemplate::Rendered rendered = chat_.chat->render_marked(messages, options(false));
    RenderedChat result{rendered.text, {}};
    for (const auto& [begin, end] : rendered.generation) result.generated.push_back({begin, end});
    return result;
  }

 private:
  RenderOptions options(bool add_generation_prompt) const {
    RenderOptions result;
    result.add_generation_prompt = add_generation_prompt;
    result.bos_token = chat_.bos_token;
    result.eos_token = chat_.eos_token;
    return result;
  }

  ModelTemplate chat_;
};

}  // namespace

struct TextSide::Adapters {
  TokenizerAdapter tokenizer;
  TemplateAdapter chat;
};

TextSide::TextSide(const Tokenizer& tokenizer, const ModelTemplate& chat)
    : adapters_(new Adapters{TokenizerAdapter(tokenizer), TemplateAdapter(chat)}) {
  model_ = {.tokenizer = &adapters_->tokenizer,
            .chat = chat.chat ? &adapters_->chat : nullptr,
            .bos_token = chat.bos_token,
            .eos_token = chat.eos_token};
}

TextSide::~TextSide() = default;

TextFolder load_text_folder(const std::filesystem::path& model_folder, const std::filesystem::path& chat_template) {
  if (!std::filesystem::is_directory(model_folder)) throw Error("{}: no such model folder", model_folder.string());
  TextFolder result{Tokenizer::load(model_folder), load_chat_template(model_folder)};
  if (!chat_template.empty())
    result.chat.chat = std::make_shared<ChatTemplate>(read_file(chat_template), chat_template.string());
  return result;
}

std::string render_messages(const ModelTemplate& chat, const nlohmann::ordered_json& messages) {
  if (!chat.chat)
    throw Error("no chat template: the model folder has neither chat_template.jinja nor chat_template in "
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
