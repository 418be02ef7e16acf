#include "io/tokenizer/decoder.h"

#include <charconv>
#include <functional>
#include <limits>

#include "io/tokenizer/byte_alphabet.h"
#include "io/tokenizer/metaspace.h"
#include "io/tokenizer/pattern.h"
#include "io/tokenizer/rewrite.h"
#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace lorica {
namespace {

// Tokens written in the byte alphabet become one long token of text. A token with any other character (an added one)
// is taken as it stands.
class ByteLevelPass final : public WholeTokenPass {
 public:
  void finish(TokenSink sink) override { pass_on(true, sink); }

 private:
  void take(std::string& token, TokenSink sink) override {
    if (!append_bytes_of(token, pending_)) pending_ += token;
    pass_on(false, sink);
  }
  void pass_on(bool last, TokenSink sink) {
    text_.clear();
    utf8::take_lossy(pending_, last, text_);
    if (last || !text_.empty()) sink(text_, last);
  }
  std::string pending_, text_;
};

// A run of tokens <0x00> to <0xFF> becomes the text that these bytes spell, or one U+FFFD a byte when they spell none.
class ByteFallbackPass final : public WholeTokenPass {
 public:
  void finish(TokenSink sink) override { pass_on(sink); }

 private:
  void take(std::string& token, TokenSink sink) override {
    uint8_t byte = 0;
    if (token.size() == 6 && token.starts_with("<0x") && token.back() == '>') {
      // Rust's from_str_radix accepts a sign, which std::from_chars does not.
      const char* digits = token.data() + (token[3] == '+' ? 4 : 3);
      const auto [end, error] = std::from_chars(digits, token.data() + 5, byte, 16);
      if (error == std::errc() && end == token.data() + 5) {
        bytes_ += static_cast<char>(byte);
        return;
      }
    }
    pass_on(sink);
    sink(token, true);
  }
  void pass_on(TokenSink sink) {
    if (bytes_.empty()) return;
    if (utf8::find_invalid(bytes_) == std::string::npos) {
      sink(bytes_, true);
    } else {
      for (size_t i = 0; i < bytes_.size(); ++i) sink("\xef\xbf\xbd", true);
    }
    bytes_.clear();
  }
  std::string bytes_;
};

// All tokens become one.
class FusePass final : public DecoderPass {
 public:
  void add(std::string_view text, bool, TokenSink sink) override { sink(text, false); }
  void finish(TokenSink sink) override { sink({}, true); }
};

// Takes up to `start` and `stop` copies of a character off the two ends of each token.
class StripPass final : public DecoderPass {
 public:
  StripPass(std::string_view content, size_t start, size_t stop) : content_(content), start_(start), stop_(stop) {}

  void add(std::string_view text, bool ends, TokenSink sink) override {
    while (stripped_ < start_ && text.starts_with(content_)) {
      text.remove_prefix(content_.size());
      ++stripped_;
    }
    if (!text.empty()) stripped_ = start_;
    held_ += text;
    size_t keep = 0;  // copies at the end that may yet have to go
    std::string_view rest = held_;
    while (keep < stop_ && rest.ends_with(content_)) {
      rest.remove_suffix(content_.size());
      ++keep;
    }
    sink(rest, ends);
    held_.erase(0, rest.size());
    if (ends) {
      held_.clear();
      stripped_ = 0;
    }
  }
  void finish(TokenSink) override {}

 private:
  std::string_view content_;
  size_t start_, stop_;
  size_t stripped_ = 0;
  std::string held_;
};

class ReplacePass final : public WholeTokenPass {
 public:
  ReplacePass(const Regex& pattern, std::string_view content) : pattern_(pattern), content_(content) {}

 private:
  void take(std::string& token, TokenSink sink) override {
    pattern_.replace(token, content_, memory_);
    sink(token, true);
  }
  const Regex& pattern_;
  std::string_view content_;
  MatchMemory memory_;
};

// The mark at the end of a word becomes a space, except in the last token, where it goes.
class WordEndPass final : public WholeTokenPass {
 public:
  explicit WordEndPass(std::string_view suffix) : suffix_(suffix) {}
  void finish(TokenSink sink) override {
    if (any_) sink(without_suffix(held_, ""), true);
  }

 private:
  void take(std::string& token, TokenSink sink) override {
    if (any_) sink(without_suffix(held_, " "), true);
    held_ = token;
    any_ = true;
  }
  std::string_view without_suffix(std::string& token, std::string_view instead) const {
    replace_all(token, suffix_, instead);
    return token;
  }
  std::string_view suffix_;
  std::string held_;
  bool any_ = false;
};

// Tokens that go on a word lose their prefix, the others get a space in front; `cleanup` then takes away the spaces
// that English has not.
class WordPiecePass final : public WholeTokenPass {
 public:
  WordPiecePass(std::string_view prefix, bool cleanup) : prefix_(prefix), cleanup_(cleanup) {}

 private:
  void take(std::string& token, TokenSink sink) override {
    if (!first_) {
      if (token.starts_with(prefix_))
        token.erase(0, prefix_.size());
      else
        token.insert(0, " ");
    }
    first_ = false;
    if (cleanup_) clean(token);
    sink(token, true);
  }
  static void clean(std::string& token) {
    constexpr std::pair<const char*, const char*> kRules[] = {
        {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
        {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    for (const auto& [from, to] : kRules) replace_all(token, from, to);
  }
  std::string_view prefix_;
  bool cleanup_;
  bool first_ = true;
};

class JoinPass final : public DecoderPass {
 public:
  void add(std::string_view text, bool ends, TokenSink sink) override {
    if (between_) sink(" ", false);
    sink(text, ends);
    between_ = ends;
  }
  void finish(TokenSink) override {}

 private:
  bool between_ = false;
};

class SequencePass final : public DecoderPass {
 public:
  explicit SequencePass(std::vector<std::unique_ptr<DecoderPass>> steps) : steps_(std::move(steps)) {}
  void add(std::string_view text, bool ends, TokenSink sink) override { run(0, text, ends, sink); }
  void finish(TokenSink sink) override {
    for (size_t step = 0; step < steps_.size(); ++step)
      steps_[step]->finish([&](std::string_view text, bool ends) { run(step + 1, text, ends, sink); });
  }

 private:
  void run(size_t step, std::string_view text, bool ends, TokenSink sink) {
    if (step == steps_.size()) return sink(text, ends);
    steps_[step]->add(text, ends, [&](std::string_view part, bool part_ends) { run(step + 1, part, part_ends, sink); });
  }
  std::vector<std::unique_ptr<DecoderPass>> steps_;
};

// A decoder whose settings live in the function that starts a pass.
class SimpleDecoder final : public Decoder {
 public:
  using Start = std::function<std::unique_ptr<DecoderPass>()>;
  explicit SimpleDecoder(Start start) : start_(std::move(start)) {}
  std::unique_ptr<DecoderPass> start() const override { return start_(); }

 private:
  Start start_;
};

class SequenceDecoder final : public Decoder {
 public:
  explicit SequenceDecoder(std::vector<std::unique_ptr<Decoder>> steps) : steps_(std::move(steps)) {}
  std::unique_ptr<DecoderPass> start() const override {
    std::vector<std::unique_ptr<DecoderPass>> passes;
    for (const auto& step : steps_) passes.push_back(step->start());
    return std::make_unique<SequencePass>(std::move(passes));
  }

 private:
  std::vector<std::unique_ptr<Decoder>> steps_;
};

// What passes keep points into what the decoder's lambda holds in shared memory.
std::unique_ptr<Decoder> read_strip(const JsonNode& node) {
  node.allow_only({"type", "content", "start", "stop"});
  const JsonNode content = node.at("content");
  need_one_character(content);
  const auto text = std::make_shared<const std::string>(content.string());
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  const auto start = static_cast<size_t>(node.at("start").count(kMost));
  const auto stop = static_cast<size_t>(node.at("stop").count(kMost));
  return std::make_unique<SimpleDecoder>([=] { return std::make_unique<StripPass>(*text, start, stop); });
}

std::unique_ptr<Decoder> read_replace(const JsonNode& node) {
  node.allow_only({"type", "pattern", "content"});
  const auto pattern = std::make_shared<const Regex>(read_pattern(node.at("pattern")));
  const auto content = std::make_shared<const std::string>(node.at("content").string());
  return std::make_unique<SimpleDecoder>([=] { return std::make_unique<ReplacePass>(*pattern, *content); });
}

std::unique_ptr<Decoder> read_word_piece(const JsonNode& node) {
  node.allow_only({"type", "prefix", "cleanup"});
  const auto prefix = std::make_shared<const std::string>(node.at("prefix").string());
  const bool cleanup = node.at("cleanup").boolean();
  return std::make_unique<SimpleDecoder>([=] { return std::make_unique<WordPiecePass>(*prefix, cleanup); });
}

std::unique_ptr<Decoder> read_word_end(const JsonNode& node) {
  node.allow_only({"type", "suffix"});
  const JsonNode suffix = node.at("suffix");
  if (suffix.string().empty()) suffix.expected("the mark at the end of a word");
  const auto text = std::make_shared<const std::string>(suffix.string());
  return std::make_unique<SimpleDecoder>([=] { return std::make_unique<WordEndPass>(*text); });
}

}  // namespace

std::unique_ptr<Decoder> make_joining_decoder() {
  return std::make_unique<SimpleDecoder>([] { return std::make_unique<JoinPass>(); });
}

std::unique_ptr<Decoder> read_decoder(const JsonNode& node) {
  const std::string& type = node.at("type").string();
  if (type == "ByteLevel") {
    node.allow_only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
    return std::make_unique<SimpleDecoder>([] { return std::make_unique<ByteLevelPass>(); });
  }
  if (type == "ByteFallback") {
    node.allow_only({"type"});
    return std::make_unique<SimpleDecoder>([] { return std::make_unique<ByteFallbackPass>(); });
  }
  if (type == "Fuse") {
    node.allow_only({"type"});
    return std::make_unique<SimpleDecoder>([] { return std::make_unique<FusePass>(); });
  }
  if (type == "Strip") return read_strip(node);
  if (type == "Replace") return read_replace(node);
  if (type == "Metaspace") return read_metaspace_decoder(node);
  if (type == "WordPiece") return read_word_piece(node);
  if (type == "BPEDecoder") return read_word_end(node);
  if (type == "Sequence") {
    node.allow_only({"type", "decoders"});
    std::vector<std::unique_ptr<Decoder>> steps;
    node.at("decoders").each([&](const JsonNode& step) { steps.push_back(read_decoder(step)); });
    return std::make_unique<SequenceDecoder>(std::move(steps));
  }
  node.at("type").fail(fmt::format("decoder '{}' is not supported", type));
}

}  // namespace lorica
