#include "io/data/loaded_text.h"

#include <ctime>
#include <utility>

namespace lorica {
namespace {

class TokenizerText : public TextTokenizer {
 public:
  explicit TokenizerText(std::shared_ptr<const Tokenizer> tokenizer) : tokenizer_(std::move(tokenizer)) {}
  std::vector<int32_t> encode(std::string_view text, bool add_special_tokens) const override {
    return tokenizer_->encode(text, add_special_tokens);
  }
  std::vector<size_t> starts(std::string_view text, std::span<const int32_t> ids) const override {
    return tokenizer_->starts(text, ids);
  }
  std::string decode(std::span<const int32_t> ids) const override { return tokenizer_->decode(ids); }
  bool is_special(int32_t id) const override { return tokenizer_->is_special(id); }
  std::optional<int32_t> id_of(std::string_view token) const override { return tokenizer_->id_of(token); }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
};

class ChatText : public ChatRenderer {
 public:
  explicit ChatText(const ModelTemplate& chat_template) : chat_(chat_template.chat) {
    options_.bos_token = chat_template.bos_token;
    options_.eos_token = chat_template.eos_token;
    std::tm date{};
    date.tm_year = 124;
    date.tm_mon = 6;
    date.tm_mday = 26;
    date.tm_wday = 5;
    date.tm_yday = 207;
    options_.now = date;
  }
  std::string render(const nlohmann::ordered_json& messages, const ChatTools& tools,
                     bool add_generation_prompt) const override {
    RenderOptions options = options_;
    options.tools = tools;
    options.add_generation_prompt = add_generation_prompt;
    return chat_->render(messages, options);
  }
  RenderedChat render_marked(const nlohmann::ordered_json& messages, const ChatTools& tools) const override {
    RenderOptions options = options_;
    options.tools = tools;
    ChatTemplate::Rendered marked = chat_->render_marked(messages, options);
    RenderedChat rendered{std::move(marked.text), {}, std::move(marked.turns)};
    for (const auto& [begin, end] : marked.generation) rendered.generated.push_back({begin, end});
    return rendered;
  }

 private:
  std::shared_ptr<const ChatTemplate> chat_;
  RenderOptions options_;
};

}  // namespace

std::unique_ptr<const TextTokenizer> text_tokenizer(std::shared_ptr<const Tokenizer> tokenizer) {
  return std::make_unique<TokenizerText>(std::move(tokenizer));
}

std::unique_ptr<const ChatRenderer> chat_renderer(const ModelTemplate& chat_template) {
  return std::make_unique<ChatText>(chat_template);
}

LoadedText::LoadedText(std::shared_ptr<const Tokenizer> tokenizer, const ModelTemplate& chat_template) {
  const std::string chat = chat_template.chat ? chat_template.chat->fingerprint() : "none";
  model_.identity = tokenizer->fingerprint() + " " + chat;
  model_.bos_token = chat_template.bos_token;
  model_.eos_token = chat_template.eos_token;
  tokenizer_ = text_tokenizer(std::move(tokenizer));
  if (chat_template.chat) chat_ = chat_renderer(chat_template);
  model_.tokenizer = tokenizer_.get();
  model_.chat = chat_.get();
}

}  // namespace lorica
