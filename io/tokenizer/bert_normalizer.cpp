#include "io/tokenizer/bert_normalizer.h"

#include "io/tokenizer/normal_forms.h"
#include "io/tokenizer/rewrite.h"
#include "io/tokenizer/utf8.h"

namespace lorica {
namespace {

// The ideographs, as BERT's own code lists them.
bool is_chinese(char32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
         (c >= 0x2a700 && c <= 0x2b73f) || (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

struct Clean {
  void operator()(char32_t c, std::string& out) const {
    const bool control = utf8::is_control(c);
    if (c == '\t' || c == '\n' || c == '\r' || (!control && utf8::is_whitespace(c)))
      out += ' ';
    else if (!control)
      utf8::append(out, c);
  }
};

struct SpaceOut {
  void operator()(char32_t c, std::string& out) const {
    const bool chinese = is_chinese(c);
    if (chinese) out += ' ';
    utf8::append(out, c);
    if (chinese) out += ' ';
  }
};

struct Settings {
  bool clean_text, handle_chinese_chars, strip_accents, lowercase;
};

class BertNormalizer final : public Normalizer {
 public:
  explicit BertNormalizer(Settings settings) : settings_(settings), decompose_(make_normal_form("NFD")) {}

  bool apply(std::string& text, MatchMemory& memory) const override {
    bool keeps_start = true;
    if (settings_.clean_text) keeps_start &= rewrite_characters(text, Clean());
    if (settings_.handle_chinese_chars) rewrite_characters(text, SpaceOut());
    if (settings_.strip_accents) {
      decompose_->apply(text, memory);
      keeps_start &= remove_characters(text, [](char32_t c) { return utf8::is_nonspacing_mark(c); });
    }
    if (settings_.lowercase) lower_characters(text);
    return keeps_start;
  }

 private:
  Settings settings_;
  std::unique_ptr<Normalizer> decompose_;
};

}  // namespace

std::unique_ptr<Normalizer> read_bert_normalizer(const JsonNode& node) {
  node.allow_only({"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
  const bool lowercase = node.at("lowercase").boolean();
  return std::make_unique<BertNormalizer>(Settings{.clean_text = node.at("clean_text").boolean(),
                                                   .handle_chinese_chars = node.at("handle_chinese_chars").boolean(),
                                                   .strip_accents = node.boolean_or("strip_accents", lowercase),
                                                   .lowercase = lowercase});
}

}  // namespace lorica
