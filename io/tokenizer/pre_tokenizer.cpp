#include "io/tokenizer/pre_tokenizer.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "io/tokenizer/byte_alphabet.h"
#include "io/tokenizer/delimiter.h"
#include "io/tokenizer/metaspace.h"
#include "io/tokenizer/pattern.h"
#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace lorica {
namespace {

// Splits where a pattern matches; `invert` swaps matches and what is between them.
class PatternSplit final : public PreTokenizer {
 public:
  PatternSplit(Regex pattern, DelimiterBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  void split(Span text, MatchMemory& memory, PieceSink sink) const override {
    DelimiterSplitter splitter(text, behavior_, sink);
    size_t done = 0;  // where the last match ended
    pattern_.each_match(text.text, memory, [&](Regex::Match match) {
      if (match.begin != done) splitter.add(match.begin, invert_);
      splitter.add(match.end, !invert_);
      done = match.end;
    });
    if (done != text.text.size()) splitter.add(text.text.size(), invert_);
    splitter.finish();
  }

 private:
  Regex pattern_;
  DelimiterBehavior behavior_;
  bool invert_;
};

// Splits at each character of a kind.
class CharacterSplit final : public PreTokenizer {
 public:
  using Kind = bool (*)(char32_t);
  CharacterSplit(Kind kind, DelimiterBehavior behavior) : kind_(kind), behavior_(behavior) {}

  void split(Span span, MatchMemory&, PieceSink sink) const override {
    const std::string_view text = span.text;
    DelimiterSplitter splitter(span, behavior_, sink);
    size_t done = 0;
    for (size_t at = 0; at < text.size();) {
      const utf8::Step step = utf8::decode(text, at);
      if (kind_(step.character)) {
        if (at != done) splitter.add(at, false);
        done = at + step.size;
        splitter.add(done, true);
      }
      at += step.size;
    }
    if (done != text.size()) splitter.add(text.size(), false);
    splitter.finish();
  }

 private:
  Kind kind_;
  DelimiterBehavior behavior_;
};

// Runs of word characters, and runs of what is neither that nor white space.
class WordRuns final : public PreTokenizer {
 public:
  void split(Span span, MatchMemory&, PieceSink sink) const override {
    enum class Kind { kSpace, kWord, kOther };
    Kind kind = Kind::kSpace;
    size_t begin = 0;
    const auto emit = [&](size_t end) {
      if (kind != Kind::kSpace) sink({span.text.substr(begin, end - begin), span.at_start && begin == 0});
    };
    for (size_t at = 0; at < span.text.size();) {
      const utf8::Step step = utf8::decode(span.text, at);
      const Kind next = utf8::is_word(step.character)         ? Kind::kWord
                        : utf8::is_whitespace(step.character) ? Kind::kSpace
                                                              : Kind::kOther;
      if (next != kind) {
        emit(at);
        begin = at;
        kind = next;
      }
      at += step.size;
    }
    emit(span.text.size());
  }
};

constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

struct ByteLevelSettings {
  bool prefix_space, use_regex, write_alphabet;
};

// Splits words as GPT-2 does and, unless the model reads bytes, writes each byte in the byte alphabet.
class ByteLevel final : public PreTokenizer {
 public:
  explicit ByteLevel(ByteLevelSettings settings) : settings_(settings) {
    if (settings.use_regex)
      words_ = std::make_unique<PatternSplit>(Regex(kGpt2Pattern), DelimiterBehavior::kIsolated, false);
  }

  void split(Span text, MatchMemory& memory, PieceSink sink) const override {
    std::string prefixed;
    if (settings_.prefix_space && !text.text.starts_with(' ')) {
      prefixed.reserve(text.text.size() + 1);
      (prefixed += ' ') += text.text;
      text.text = prefixed;
    }
    if (!settings_.write_alphabet) return words(text, memory, sink);
    std::string written;
    words(text, memory, [&](Span piece) {
      written.clear();
      for (const char byte : piece.text) written += byte_character(static_cast<uint8_t>(byte));
      sink({written, piece.at_start});
    });
  }

 private:
  void words(Span text, MatchMemory& memory, PieceSink sink) const {
    if (words_)
      words_->split(text, memory, sink);
    else if (!text.text.empty())
      sink(text);
  }

  ByteLevelSettings settings_;
  std::unique_ptr<PatternSplit> words_;
};

class PreTokenizerSequence final : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(std::vector<std::unique_ptr<PreTokenizer>> steps) : steps_(std::move(steps)) {}
  void split(Span text, MatchMemory& memory, PieceSink sink) const override { run(0, text, memory, sink); }

 private:
  void run(size_t step, Span text, MatchMemory& memory, PieceSink sink) const {
    if (step == steps_.size()) {
      if (!text.text.empty()) sink(text);
      return;
    }
    steps_[step]->split(text, memory, [&](Span piece) { run(step + 1, piece, memory, sink); });
  }

  std::vector<std::unique_ptr<PreTokenizer>> steps_;
};

std::unique_ptr<PreTokenizer> read_split(const JsonNode& node) {
  node.allow_only({"type", "pattern", "behavior", "invert"});
  const DelimiterBehavior behavior = read_behavior(node.at("behavior"));
  return std::make_unique<PatternSplit>(read_pattern(node.at("pattern")), behavior, node.at("invert").boolean());
}

std::unique_ptr<PreTokenizer> read_delimiter_split(const JsonNode& node) {
  node.allow_only({"type", "delimiter"});
  const JsonNode delimiter = node.at("delimiter");
  need_one_character(delimiter);
  const nlohmann::json pattern = {{"String", delimiter.string()}};
  return std::make_unique<PatternSplit>(read_pattern(JsonNode(pattern, "delimiter")), DelimiterBehavior::kRemoved,
                                        false);
}

std::unique_ptr<PreTokenizer> make_whitespace_split() {
  return std::make_unique<CharacterSplit>(utf8::is_whitespace, DelimiterBehavior::kRemoved);
}

ReadPreTokenizer read_one(const JsonNode& node, bool is_last);

ReadPreTokenizer read_sequence(const JsonNode& node, bool is_last) {
  node.allow_only({"type", "pretokenizers"});
  const JsonNode list = node.at("pretokenizers");
  if (!list.is_array()) list.expected("an array");
  std::vector<std::unique_ptr<PreTokenizer>> steps;
  size_t left = list.size();
  bool bytes = false;
  list.each([&](const JsonNode& step) {
    ReadPreTokenizer read = read_one(step, --left == 0 && is_last);
    bytes = read.bytes;
    if (read.splitter) steps.push_back(std::move(read.splitter));
  });
  if (steps.size() == 1) return {std::move(steps.front()), bytes};
  return {std::make_unique<PreTokenizerSequence>(std::move(steps)), bytes};
}

ReadPreTokenizer read_one(const JsonNode& node, bool is_last) {
  const std::string& type = node.at("type").string();
  if (type == "Sequence") return read_sequence(node, is_last);
  if (type == "Split") return {read_split(node)};
  if (type == "ByteLevel") {
    node.allow_only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
    node.boolean_or("trim_offsets", true);  // only moves offsets, which are not computed
    const ByteLevelSettings settings{.prefix_space = node.at("add_prefix_space").boolean(),
                                     .use_regex = node.boolean_or("use_regex", true),
                                     .write_alphabet = !is_last};
    if (!settings.prefix_space && !settings.use_regex && !settings.write_alphabet) return {nullptr, is_last};
    return {std::make_unique<ByteLevel>(settings), is_last};
  }
  if (type == "Digits") {
    node.allow_only({"type", "individual_digits"});
    const bool individual = node.at("individual_digits").boolean();
    return {std::make_unique<CharacterSplit>(
        utf8::is_numeric, individual ? DelimiterBehavior::kIsolated : DelimiterBehavior::kContiguous)};
  }
  if (type == "Punctuation") {
    node.allow_only({"type", "behavior"});
    const auto behavior = node.find("behavior");
    return {std::make_unique<CharacterSplit>(utf8::is_punctuation,
                                             behavior ? read_behavior(*behavior) : DelimiterBehavior::kIsolated)};
  }
  if (type == "WhitespaceSplit") {
    node.allow_only({"type"});
    return {make_whitespace_split()};
  }
  if (type == "Whitespace") {
    node.allow_only({"type"});
    return {std::make_unique<WordRuns>()};
  }
  if (type == "BertPreTokenizer") {
    node.allow_only({"type"});
    std::vector<std::unique_ptr<PreTokenizer>> steps;
    steps.push_back(make_whitespace_split());
    steps.push_back(std::make_unique<CharacterSplit>(utf8::is_punctuation, DelimiterBehavior::kIsolated));
    return {std::make_unique<PreTokenizerSequence>(std::move(steps))};
  }
  if (type == "CharDelimiterSplit") return {read_delimiter_split(node)};
  if (type == "Metaspace") return {read_metaspace_split(node)};
  node.at("type").fail(fmt::format("pre-tokenizer '{}' is not supported", type));
}

}  // namespace

ReadPreTokenizer read_pre_tokenizer(const JsonNode& node) { return read_one(node, true); }

}  // namespace lorica
