#include "io/tokenizer/sentencepiece.h"

#include <nlohmann/json.hpp>

#include "io/tokenizer/precompiled.h"
#include "io/tokenizer/prefix_trie.h"
#include "io/tokenizer/rewrite.h"
#include "io/tokenizer/sentencepiece_merges.h"
#include "io/tokenizer/utf8.h"

namespace lorica {
namespace {

using nlohmann::json;
using Type = SentencePieceFile::Type;

constexpr std::string_view kSpaceMark = "▁";

class SentencePieceNormalizer final : public Normalizer {
 public:
  explicit SentencePieceNormalizer(const SentencePieceFile& file)
      : dummy_prefix_(file.add_dummy_prefix), strips_(file.remove_extra_whitespaces) {
    if (!file.character_map.empty()) map_.emplace(file.character_map);
    std::vector<std::string_view> kept;
    for (const SentencePieceFile::Piece& piece : file.pieces)
      if (piece.type == Type::kUserDefined) kept.push_back(piece.text);
    kept_ = PrefixTrie(kept);
  }

  bool apply(std::string& text, MatchMemory&) const override {
    std::string out;
    out.reserve(text.size() + text.size() / 4 + kSpaceMark.size());
    bool after_space = strips_;
    for (std::string_view rest = text; !rest.empty();) {
      std::string_view piece = next(rest);
      // doubled spaces go even where one came from a rule and the other from the text
      while (after_space && piece.starts_with(' ')) piece.remove_prefix(1);
      if (piece.empty()) continue;
      out += piece;
      after_space = strips_ && piece.ends_with(' ');
    }
    if (dummy_prefix_ && !out.empty()) out.insert(0, " ");
    replace_all(out, " ", kSpaceMark);
    while (strips_ && out.ends_with(kSpaceMark)) out.resize(out.size() - kSpaceMark.size());
    text = std::move(out);
    return true;
  }

 private:
  // What becomes of the text that `rest` begins with, which is taken off it.
  std::string_view next(std::string_view& rest) const {
    size_t size = 0;
    kept_.each_prefix(rest, [&](size_t found, int32_t) { size = found; });
    std::string_view result;
    if (size > 0) {
      result = rest.substr(0, size);
    } else if (const auto match = map_ ? map_->find_longest(rest) : std::nullopt) {
      size = match->size;
      result = match->replacement;
    } else {
      size = utf8::decode(rest, 0).size;
      result = rest.substr(0, size);
    }
    rest.remove_prefix(size);
    return result;
  }

  std::optional<CharacterMap> map_;
  PrefixTrie kept_;
  bool dummy_prefix_, strips_;
};

json model_json(const SentencePieceFile& file) {
  std::optional<size_t> unknown;
  for (size_t id = 0; id < file.pieces.size(); ++id)
    if (file.pieces[id].type == Type::kUnknown) unknown = id;
  if (!file.is_bpe) {
    json vocab = json::array();
    for (const SentencePieceFile::Piece& piece : file.pieces) vocab.push_back({piece.text, piece.score});
    return {{"type", "Unigram"},
            {"unk_id", unknown ? json(*unknown) : json(nullptr)},
            {"vocab", std::move(vocab)},
            {"byte_fallback", file.byte_fallback}};
  }
  json vocab = json::object();
  std::vector<std::string_view> texts;
  std::vector<float> scores;
  const auto may_merge = std::make_unique<bool[]>(file.pieces.size());
  for (size_t id = 0; id < file.pieces.size(); ++id) {
    const SentencePieceFile::Piece& piece = file.pieces[id];
    vocab[std::string(piece.text)] = id;
    texts.push_back(piece.text);
    scores.push_back(piece.score);
    may_merge[id] = piece.type == Type::kNormal;
  }
  return {{"type", "BPE"},
          {"unk_token", unknown ? json(file.pieces[*unknown].text) : json(nullptr)},
          {"fuse_unk", true},
          {"byte_fallback", file.byte_fallback},
          {"vocab", std::move(vocab)},
          {"merges", json(merges_by_score(texts, scores, std::span(may_merge.get(), texts.size())))}};
}

json around_json(const SentencePieceFile& file, bool bos, bool eos) {
  json single = json::array(), tokens = json::object();
  const auto add = [&](int32_t id) {
    const std::string text(file.pieces[static_cast<size_t>(id)].text);
    single.push_back({{"SpecialToken", {{"id", text}, {"type_id", 0}}}});
    tokens[text] = {{"id", text}, {"ids", json::array({static_cast<uint64_t>(id)})}, {"tokens", json::array({text})}};
  };
  if (bos && file.bos_id >= 0) add(file.bos_id);
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  if (eos && file.eos_id >= 0) add(file.eos_id);
  return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", json::array()}, {"special_tokens", tokens}};
}

}  // namespace

json sentencepiece_json(const SentencePieceFile& file, const SentencePieceOptions& options) {
  json added = json::array();
  for (size_t id = 0; id < file.pieces.size(); ++id) {
    const SentencePieceFile::Piece& piece = file.pieces[id];
    const bool user = piece.type == Type::kUserDefined;
    if (!user && piece.type != Type::kControl && piece.type != Type::kUnknown) continue;
    added.push_back({{"id", id},
                     {"content", piece.text},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", user},
                     {"special", !user}});
  }
  json decoders = json::array({{{"type", "Replace"}, {"pattern", {{"String", kSpaceMark}}}, {"content", " "}}});
  if (file.byte_fallback) decoders.push_back({{"type", "ByteFallback"}});
  decoders.push_back({{"type", "Fuse"}});
  if (file.add_dummy_prefix || file.remove_extra_whitespaces)
    decoders.push_back({{"type", "Strip"},
                        {"content", " "},
                        {"start", file.remove_extra_whitespaces ? uint64_t{1} << 30 : uint64_t{1}},
                        {"stop", uint64_t{0}}});
  return {{"version", "1.0"},
          {"added_tokens", std::move(added)},
          {"model", model_json(file)},
          {"post_processor",
           around_json(file, options.add_bos.value_or(file.is_bpe), options.add_eos.value_or(!file.is_bpe))},
          {"decoder", {{"type", "Sequence"}, {"decoders", std::move(decoders)}}}};
}

std::unique_ptr<Normalizer> make_sentencepiece_normalizer(const SentencePieceFile& file) {
  return std::make_unique<SentencePieceNormalizer>(file);
}

}  // namespace lorica
