#include "io/tokenizer/metaspace.h"

#include "io/tokenizer/delimiter.h"
#include "io/tokenizer/rewrite.h"
#include "io/tokenizer/utf8.h"

namespace lorica {
namespace {

enum class Prepend { kAlways, kFirst, kNever };

struct Settings {
  std::string replacement;
  Prepend prepend = Prepend::kAlways;
  bool split = true;
};

Settings read_settings(const JsonNode& node) {
  node.allow_only({"type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"});
  Settings settings;
  const JsonNode replacement = node.at("replacement");
  need_one_character(replacement);
  settings.replacement = replacement.string();
  settings.split = node.boolean_or("split", true);
  if (const auto scheme = node.find("prepend_scheme")) {
    if (scheme->string() == "first")
      settings.prepend = Prepend::kFirst;
    else if (scheme->string() == "never")
      settings.prepend = Prepend::kNever;
    else if (scheme->string() != "always")
      scheme->expected("always, first or never");
  }
  if (!node.boolean_or("add_prefix_space", true) && settings.prepend != Prepend::kNever)
    node.at("add_prefix_space").fail("false goes with prepend_scheme 'never' only");
  return settings;
}

class Metaspace final : public PreTokenizer {
 public:
  explicit Metaspace(Settings settings) : settings_(std::move(settings)) {}

  void split(Span span, MatchMemory&, PieceSink sink) const override {
    if (span.text.empty()) return;
    const std::string& mark = settings_.replacement;
    std::string text;
    const bool wanted =
        settings_.prepend == Prepend::kAlways || (settings_.prepend == Prepend::kFirst && span.at_start);
    if (wanted && !span.text.starts_with(' ') && !span.text.starts_with(mark)) text = mark;
    for (const char c : span.text) c == ' ' ? text += mark : text += c;
    if (!settings_.split) return sink({text, span.at_start});
    DelimiterSplitter splitter({text, span.at_start}, DelimiterBehavior::kMergedWithNext, sink);
    size_t done = 0;
    for (size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, done)) {
      if (at != done) splitter.add(at, false);
      done = at + mark.size();
      splitter.add(done, true);
    }
    if (done != text.size()) splitter.add(text.size(), false);
    splitter.finish();
  }

 private:
  Settings settings_;
};

class MetaspacePass final : public WholeTokenPass {
 public:
  explicit MetaspacePass(const Settings& settings) : settings_(settings) {}

 private:
  void take(std::string& token, TokenSink sink) override {
    const bool drops = first_ && settings_.prepend != Prepend::kNever;
    replace_all(token, settings_.replacement, drops ? "" : " ");
    first_ = false;
    sink(token, true);
  }
  const Settings& settings_;
  bool first_ = true;
};

class MetaspaceDecoder final : public Decoder {
 public:
  explicit MetaspaceDecoder(Settings settings) : settings_(std::move(settings)) {}
  std::unique_ptr<DecoderPass> start() const override { return std::make_unique<MetaspacePass>(settings_); }

 private:
  Settings settings_;
};

}  // namespace

void need_one_character(const JsonNode& node) {
  const std::string& text = node.string();
  if (text.empty() || utf8::decode(text, 0).size != text.size()) node.expected("one character");
}

std::unique_ptr<PreTokenizer> read_metaspace_split(const JsonNode& node) {
  return std::make_unique<Metaspace>(read_settings(node));
}

std::unique_ptr<Decoder> read_metaspace_decoder(const JsonNode& node) {
  return std::make_unique<MetaspaceDecoder>(read_settings(node));
}

}  // namespace lorica
