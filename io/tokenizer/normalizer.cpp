#include "io/tokenizer/normalizer.h"

#include <vector>

#include "io/tokenizer/bert_normalizer.h"
#include "io/tokenizer/byte_alphabet.h"
#include "io/tokenizer/normal_forms.h"
#include "io/tokenizer/pattern.h"
#include "io/tokenizer/precompiled.h"
#include "io/tokenizer/rewrite.h"
#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace lorica {
namespace {

class NormalizerSequence final : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<std::unique_ptr<Normalizer>> steps) : steps_(std::move(steps)) {}
  bool apply(std::string& text, MatchMemory& memory) const override {
    bool keeps_start = true;
    for (const auto& step : steps_) keeps_start &= step->apply(text, memory);
    return keeps_start;
  }

 private:
  std::vector<std::unique_ptr<Normalizer>> steps_;
};

class Strip final : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  bool apply(std::string& text, MatchMemory&) const override {
    const size_t begin = left_ ? utf8::skip_space_right(text, 0) : 0;
    const size_t end = right_ ? utf8::skip_space_left(text, text.size()) : text.size();
    text = begin < end ? text.substr(begin, end - begin) : "";
    return begin == 0;
  }

 private:
  bool left_, right_;
};

class StripAccents final : public Normalizer {
 public:
  bool apply(std::string& text, MatchMemory&) const override {
    return remove_characters(text, [](char32_t c) { return utf8::is_mark(c); });
  }
};

class Lowercase final : public Normalizer {
 public:
  bool apply(std::string& text, MatchMemory&) const override {
    lower_characters(text);
    return true;
  }
};

class Prepend final : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  bool apply(std::string& text, MatchMemory&) const override {
    if (!text.empty()) text.insert(0, prefix_);
    return true;
  }

 private:
  std::string prefix_;
};

class Replace final : public Normalizer {
 public:
  Replace(Regex pattern, std::string content) : pattern_(std::move(pattern)), content_(std::move(content)) {}
  bool apply(std::string& text, MatchMemory& memory) const override { return pattern_.replace(text, content_, memory); }

 private:
  Regex pattern_;
  std::string content_;
};

// Exact text, which needs no engine.
class ReplaceText final : public Normalizer {
 public:
  ReplaceText(std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)) {}
  bool apply(std::string& text, MatchMemory&) const override {
    const bool keeps_start = !to_.empty() || !text.starts_with(from_);
    replace_all(text, from_, to_);
    return keeps_start;
  }

 private:
  std::string from_, to_;
};

class WriteByteAlphabet final : public Normalizer {
 public:
  bool apply(std::string& text, MatchMemory&) const override {
    std::string out;
    for (const char byte : text) out += byte_character(static_cast<uint8_t>(byte));
    text = std::move(out);
    return true;
  }
};

// The rules of Google's neural machine translation: most control characters go, other spaces become a space.
class Nmt final : public Normalizer {
 public:
  bool apply(std::string& text, MatchMemory&) const override {
    return rewrite_characters(text, [](char32_t c, std::string& out) { write(c, out); });
  }

 private:
  static void write(char32_t c, std::string& out) {
    const bool is_space = c == 0x9 || c == 0xa || c == 0xc || c == 0xd || c == 0x1680 || (c >= 0x200b && c <= 0x200f) ||
                          c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xfeff || c == 0xfffd;
    const bool goes = (c >= 0x1 && c <= 0x1f) || c == 0x7f || c == 0x8f || c == 0x9f;
    if (is_space)
      out += ' ';
    else if (!goes)
      utf8::append(out, c);
  }
};

std::unique_ptr<Normalizer> read_replace(const JsonNode& node) {
  node.allow_only({"type", "pattern", "content"});
  const JsonNode pattern = node.at("pattern");
  const std::string& content = node.at("content").string();
  pattern.allow_only({"String", "Regex"});
  if (const auto text = pattern.find("String"); text && !text->string().empty())
    return std::make_unique<ReplaceText>(text->string(), content);
  return std::make_unique<Replace>(read_pattern(pattern), content);
}

}  // namespace

std::unique_ptr<Normalizer> read_normalizer(const JsonNode& node) {
  const std::string& type = node.at("type").string();
  const auto plain = [&](std::unique_ptr<Normalizer> made) {
    node.allow_only({"type"});
    return made;
  };
  if (type == "Sequence") {
    node.allow_only({"type", "normalizers"});
    std::vector<std::unique_ptr<Normalizer>> steps;
    node.at("normalizers").each([&](const JsonNode& step) { steps.push_back(read_normalizer(step)); });
    return std::make_unique<NormalizerSequence>(std::move(steps));
  }
  if (auto form = make_normal_form(type)) return plain(std::move(form));
  if (type == "Lowercase") return plain(std::make_unique<Lowercase>());
  if (type == "StripAccents") return plain(std::make_unique<StripAccents>());
  if (type == "Nmt") return plain(std::make_unique<Nmt>());
  if (type == "ByteLevel") return plain(std::make_unique<WriteByteAlphabet>());
  if (type == "Strip") {
    node.allow_only({"type", "strip_left", "strip_right"});
    return std::make_unique<Strip>(node.at("strip_left").boolean(), node.at("strip_right").boolean());
  }
  if (type == "Prepend") {
    node.allow_only({"type", "prepend"});
    return std::make_unique<Prepend>(node.at("prepend").string());
  }
  if (type == "Replace") return read_replace(node);
  if (type == "BertNormalizer") return read_bert_normalizer(node);
  if (type == "Precompiled") return read_precompiled(node);
  node.at("type").fail(fmt::format("normalizer '{}' is not supported", type));
}

}  // namespace lorica
