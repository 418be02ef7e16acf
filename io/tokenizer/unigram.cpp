#include "io/tokenizer/unigram.h"

#include <algorithm>
#include <limits>

#include "io/tokenizer/utf8.h"
#include "io/tokenizer/word_cache.h"
#include "kernels/error.h"

namespace lorica {
namespace {

constexpr double kUnknownPenalty = 10.0;

// The best way to reach a place in the piece: its last token, and where that begins.
struct Step {
  double score;
  int32_t id;
  size_t begin;
};

}  // namespace

struct Unigram::Memory final : ModelMemory {
  WordCache words;
  std::vector<Step> best;    // by the place where the step ends
  std::vector<size_t> ends;  // of the best path's tokens, last first
};

Unigram::Unigram(const JsonNode& node, bool bytes) {
  node.allow_only({"type", "unk_id", "vocab", "byte_fallback"});
  if (bytes) node.fail("Unigram behind a ByteLevel pre-tokenizer is not supported");
  std::vector<std::string_view> texts;
  double lowest = std::numeric_limits<double>::infinity();
  node.at("vocab").each([&](const JsonNode& entry) {
    if (!entry.is_array() || entry.size() != 2) entry.expected("a token and its score");
    bool is_text = true;
    entry.each([&](const JsonNode& part) {
      if (is_text) texts.push_back(part.string());
      if (!is_text) scores_.push_back(part.number());
      is_text = false;
    });
    lowest = std::min(lowest, scores_.back());
  });
  vocabulary_.emplace(texts);
  trie_ = PrefixTrie(texts);
  unknown_score_ = lowest - kUnknownPenalty;
  if (const auto id = node.find("unk_id")) {
    if (texts.empty()) id->fail("the vocabulary is empty");
    unknown_ = static_cast<int32_t>(id->count(static_cast<int64_t>(texts.size()) - 1));
  } else {
    unknown_missing_ = node.message("the text needs an unknown token and 'unk_id' is missing");
  }
  if (!node.boolean_or("byte_fallback", false)) return;
  byte_ids_.emplace();
  for (size_t byte = 0; byte < 256; ++byte)
    (*byte_ids_)[byte] = vocabulary_->id_of(fmt::format("<0x{:02X}>", byte)).value_or(-1);
}

std::unique_ptr<ModelMemory> Unigram::make_memory() const { return std::make_unique<Memory>(); }

void Unigram::find_best_path(std::string_view piece, Memory& memory) const {
  constexpr size_t kNowhere = std::string_view::npos;
  std::vector<Step>& best = memory.best;
  best.assign(piece.size() + 1, {0, 0, kNowhere});
  for (size_t at = 0; at < piece.size();) {
    const double so_far = best[at].score;
    const size_t character = utf8::decode(piece, at).size;
    const auto offer = [&](size_t size, double score, int32_t id) {
      Step& step = best[at + size];
      if (step.begin == kNowhere || so_far + score > step.score) step = {so_far + score, id, at};
    };
    bool has_single = false;
    trie_.each_prefix(piece.substr(at), [&](size_t size, int32_t id) {
      offer(size, scores_[static_cast<size_t>(id)], id);
      has_single |= size == character;
    });
    if (!has_single) {
      if (!unknown_) throw Error(unknown_missing_);
      offer(character, unknown_score_, *unknown_);
    }
    at += character;
  }
  memory.ends.clear();
  for (size_t end = piece.size(); end > 0; end = best[end].begin) memory.ends.push_back(end);
}

// A run of unknown characters; what a token spells that happens to be the unknown one counts as unknown too.
void Unigram::append_unknown(std::string_view text, std::vector<int32_t>& ids) const {
  if (const auto id = vocabulary_->id_of(text)) return ids.push_back(*id);
  const auto id_of_byte = [&](char byte) { return (*byte_ids_)[static_cast<unsigned char>(byte)]; };
  if (byte_ids_ && std::all_of(text.begin(), text.end(), [&](char byte) { return id_of_byte(byte) >= 0; })) {
    for (const char byte : text) ids.push_back(id_of_byte(byte));
    return;
  }
  ids.push_back(*unknown_);
}

void Unigram::tokenize(std::string_view piece, ModelMemory& memory_base, std::vector<int32_t>& ids) const {
  Memory& memory = static_cast<Memory&>(memory_base);
  const bool short_piece = WordCache::fits(piece);
  if (short_piece && memory.words.append_ids(piece, ids)) return;
  const size_t before = ids.size();
  find_best_path(piece, memory);
  size_t known_to = 0;  // what lies between this and the token at hand is unknown
  for (auto end = memory.ends.rbegin(); end != memory.ends.rend(); ++end) {
    const Step& step = memory.best[*end];
    if (unknown_ && step.id == *unknown_) continue;
    if (known_to < step.begin) append_unknown(piece.substr(known_to, step.begin - known_to), ids);
    ids.push_back(step.id);
    known_to = *end;
  }
  if (known_to < piece.size()) append_unknown(piece.substr(known_to), ids);
  if (short_piece) memory.words.remember(piece, std::span(ids).subspan(before));
}

}  // namespace lorica
