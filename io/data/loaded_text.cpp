#include "io/data/loaded_text.h"

#include <utility>

namespace lorica {
namespace {

class TokenizerText : public TextTokenizer {
 public:
  explicit TokenizerText(std::shared_ptr<const Tokenizer> tokenizer) : tokenizer_(std::move(tokenizer)) {}
  std::vector<int32_t> encode(std::string_view text, bool add_special_tokens) const override {
    return tokenizer_->encode(text, add_special_tokens);
  }
  std::string decode(const std::vector<int32_t>& ids) const override { return tokenizer_->decode(ids); }
  bool is_special(int32_t id) const override { return tokenizer_->is_special(id); }
  std::optional<int32_t> id_of(std::string_view token) const override { return tokenizer_->id_of(token); }

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
};

}  // namespace

std::unique_ptr<const TextTokenizer> text_tokenizer(std::shared_ptr<const Tokenizer> tokenizer) {
  return std::make_unique<TokenizerText>(std::move(tokenizer));
}

}  // namespace lorica
