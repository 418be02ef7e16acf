#include "io/tokenizer/bpe.h"

#include <algorithm>
#include <queue>

#include "io/tokenizer/byte_alphabet.h"
#include "io/tokenizer/utf8.h"
#include "io/tokenizer/word_cache.h"
#include "kernels/error.h"

namespace lorica {
namespace {

constexpr int32_t kNone = -1;
constexpr std::string_view kMark = "▁";
constexpr size_t kMostShort = 32;  // symbols; beyond, a heap is faster than looking at all

// A symbol of a long row.
struct Symbol {
  int32_t id;
  int32_t previous, next;  // kNone at the ends
  bool gone;               // merged into the symbol on its left
};

// A merge that could be made at symbol `at`; ordered so that a heap's top is the lowest rank, leftmost first.
struct Candidate {
  uint32_t rank;
  int32_t at;
  int32_t id;
  bool operator<(const Candidate& other) const { return rank != other.rank ? rank > other.rank : at > other.at; }
};

}  // namespace

struct Bpe::Memory final : ModelMemory {
  WordCache words;
  std::vector<int32_t> row;  // the ids of a word's symbols, and in the end of its tokens
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
};

// Builds the row of symbols that the merging starts from. An unknown symbol waits until the next known one, so that a
// run of them can become a single token.
class Bpe::SymbolRow {
 public:
  explicit SymbolRow(std::vector<int32_t>& row) : row_(row) { row.clear(); }

  void add(int32_t id) { row_.push_back(id); }
  void add_unknown(int32_t id, bool fuse) {
    if (waiting_ && !fuse) add(*waiting_);
    waiting_ = id;
  }
  void add_waiting() {
    if (waiting_) add(*waiting_);
    waiting_.reset();
  }

 private:
  std::vector<int32_t>& row_;
  std::optional<int32_t> waiting_;
};

Bpe::Bpe(const JsonNode& node, bool bytes) : vocabulary_(node.at("vocab")), bytes_(bytes) {
  node.allow_only({"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
                   "byte_fallback", "ignore_merges", "vocab", "merges"});
  if (const auto dropout = node.find("dropout"); dropout && dropout->number() != 0)
    dropout->fail("BPE dropout makes the ids random and is not supported");
  prefix_ = node.string_or_empty("continuing_subword_prefix");
  suffix_ = node.string_or_empty("end_of_word_suffix");
  fuse_unknown_ = node.boolean_or("fuse_unk", false);
  byte_fallback_ = node.boolean_or("byte_fallback", false);
  if (const auto token = node.find("unk_token")) {
    unknown_ = vocabulary_.id_of(token->string());
    if (!unknown_)
      unknown_missing_ =
          token->message(fmt::format("'{}' is not in the vocabulary and the text needs it", token->string()));
  }
  for (size_t byte = 0; byte < 256; ++byte) {
    const bool is_symbol = bytes || byte < 0x80;
    const char ascii = static_cast<char>(byte);
    const std::string_view text = bytes ? byte_character(static_cast<uint8_t>(byte)) : std::string_view(&ascii, 1);
    byte_ids_[byte] = is_symbol ? vocabulary_.id_of(text).value_or(kNone) : kNone;
  }
  read_merges(node.at("merges"));
  if (!node.boolean_or("ignore_merges", false)) return;
  read_whole_words();
  parts_at_marks_ = false;  // a token may be several words
}

void Bpe::read_merges(const JsonNode& node) {
  if (!node.is_array()) node.expected("an array");
  merges_ = PairTable(node.size());
  parts_at_marks_ = !bytes_ && prefix_.empty() && suffix_.empty() && vocabulary_.id_of(kMark);
  uint32_t rank = 0;
  std::string merged;
  node.each([&](const JsonNode& merge) {
    std::string_view left, right;
    if (merge.is_string()) {
      const std::string_view line = merge.string();
      if (line.starts_with("#version")) return;  // the first line of a merges.txt, copied along
      const size_t space = line.find(' ');
      if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos)
        merge.expected("two tokens and a space between them");
      left = line.substr(0, space), right = line.substr(space + 1);
    } else {
      if (!merge.is_array() || merge.size() != 2) merge.expected("two tokens");
      std::string_view* side = &left;
      merge.each([&](const JsonNode& token) {
        *side = token.string();
        side = &right;
      });
    }
    const auto id = [&](std::string_view token) {
      const auto found = vocabulary_.id_of(token);
      if (!found) merge.fail(fmt::format("'{}' is not in the vocabulary", token));
      return *found;
    };
    if (right.size() < prefix_.size()) merge.fail("the second token is shorter than continuing_subword_prefix");
    if (right.starts_with(kMark) && !left.ends_with(kMark)) parts_at_marks_ = false;
    merged.assign(left) += right.substr(prefix_.size());
    merges_.set(id(left), id(right), {.rank = rank++, .id = id(merged)});
  });
}

void Bpe::read_whole_words() {
  std::string key;
  for (int32_t id = 0; id < vocabulary_.end(); ++id) {
    const std::string_view text = vocabulary_.text(id);
    key.clear();
    if (!bytes_) key = text;
    if (bytes_ && !append_bytes_of(text, key)) continue;
    if (!key.empty()) whole_words_.emplace(key, id);
  }
}

std::unique_ptr<ModelMemory> Bpe::make_memory() const { return std::make_unique<Memory>(); }

std::optional<int32_t> Bpe::symbol_id(std::string_view symbol, bool is_first, bool is_last) const {
  const bool plain = (is_first || prefix_.empty()) && (!is_last || suffix_.empty());
  if (plain && symbol.size() == 1) {
    const int32_t id = byte_ids_[static_cast<uint8_t>(symbol[0])];
    return id == kNone ? std::nullopt : std::optional(id);
  }
  std::string text = is_first ? "" : prefix_;
  text += bytes_ ? byte_character(static_cast<uint8_t>(symbol[0])) : symbol;
  if (is_last) text += suffix_;
  return vocabulary_.id_of(text);
}

bool Bpe::add_as_bytes(std::string_view symbol, bool is_first, bool is_last, SymbolRow& row) const {
  std::string text = is_first ? "" : prefix_;
  text += bytes_ ? byte_character(static_cast<uint8_t>(symbol[0])) : symbol;
  if (is_last) text += suffix_;
  std::vector<int32_t> ids;
  for (const char byte : text) {
    const auto id = vocabulary_.id_of(fmt::format("<0x{:02X}>", static_cast<uint8_t>(byte)));
    if (!id) return false;
    ids.push_back(*id);
  }
  for (const int32_t id : ids) row.add(id);
  return true;
}

void Bpe::symbols_of(std::string_view piece, SymbolRow& row) const {
  for (size_t at = 0; at < piece.size();) {
    const size_t size = bytes_ ? 1 : utf8::decode(piece, at).size;
    const std::string_view symbol = piece.substr(at, size);
    const bool is_first = at == 0;
    at += size;
    const bool is_last = at == piece.size();
    if (const auto id = symbol_id(symbol, is_first, is_last)) {
      row.add_waiting();
      row.add(*id);
    } else if (byte_fallback_ && add_as_bytes(symbol, is_first, is_last, row)) {
      continue;
    } else if (unknown_) {
      row.add_unknown(*unknown_, fuse_unknown_);
    } else if (!unknown_missing_.empty()) {
      throw Error(unknown_missing_);
    }  // without an unknown token, what the vocabulary lacks is left out, as the tokenizers package does
  }
  row.add_waiting();
}

void Bpe::merge_short(std::vector<int32_t>& row) const {
  constexpr Merge kNever = {.rank = ~uint32_t{0}, .id = kNone};
  std::array<Merge, kMostShort> merges;  // of each symbol with the next
  const auto look_up = [&](size_t at) {
    const Merge* merge = merges_.find(row[at], row[at + 1]);
    merges[at] = merge ? *merge : kNever;
  };
  size_t pairs = row.size() - 1;
  for (size_t at = 0; at < pairs; ++at) look_up(at);
  while (pairs > 0) {
    size_t best = 0;
    for (size_t at = 1; at < pairs; ++at)
      if (merges[at].rank < merges[best].rank) best = at;
    if (merges[best].id == kNone) break;
    row[best] = merges[best].id;
    --pairs;
    for (size_t at = best + 1; at < pairs + 1; ++at) row[at] = row[at + 1];
    for (size_t at = best + 1; at < pairs; ++at) merges[at] = merges[at + 1];
    if (best > 0) look_up(best - 1);
    if (best < pairs) look_up(best);
  }
  row.resize(pairs + 1);
}

void Bpe::merge_long(Memory& memory) const {
  std::vector<Symbol>& symbols = memory.symbols;
  std::vector<Candidate>& heap = memory.heap;
  const auto count = static_cast<int32_t>(memory.row.size());
  symbols.clear();
  for (int32_t at = 0; at < count; ++at)
    symbols.push_back({.id = memory.row[static_cast<size_t>(at)],
                       .previous = at - 1,
                       .next = at + 1 < count ? at + 1 : kNone,
                       .gone = false});
  heap.clear();
  const auto candidate = [&](int32_t left, int32_t right) -> const Merge* {
    return merges_.find(symbols[static_cast<size_t>(left)].id, symbols[static_cast<size_t>(right)].id);
  };
  for (int32_t at = 0; at + 1 < count; ++at)
    if (const Merge* merge = candidate(at, at + 1)) heap.push_back({merge->rank, at, merge->id});
  std::make_heap(heap.begin(), heap.end());
  const auto push = [&](int32_t left, int32_t right) {
    const Merge* merge = left == kNone || right == kNone ? nullptr : candidate(left, right);
    if (!merge) return;
    heap.push_back({merge->rank, left, merge->id});
    std::push_heap(heap.begin(), heap.end());
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end());
    const Candidate top = heap.back();
    heap.pop_back();
    Symbol& left = symbols[static_cast<size_t>(top.at)];
    if (left.gone || left.next == kNone) continue;
    // The candidate is stale when either symbol has merged with another since.
    const Merge* merge = candidate(top.at, left.next);
    if (!merge || merge->id != top.id) continue;
    Symbol& right = symbols[static_cast<size_t>(left.next)];
    left.id = top.id;
    left.next = right.next;
    right.gone = true;
    if (left.next != kNone) symbols[static_cast<size_t>(left.next)].previous = top.at;
    push(left.previous, top.at);
    push(top.at, left.next);
  }
  memory.row.clear();
  for (const Symbol& symbol : symbols)
    if (!symbol.gone) memory.row.push_back(symbol.id);
}

void Bpe::tokenize_word(std::string_view word, Memory& memory, std::vector<int32_t>& ids) const {
  const bool is_short = WordCache::fits(word);
  if (is_short && memory.words.append_ids(word, ids)) return;
  const auto whole = whole_words_.empty() ? whole_words_.end() : whole_words_.find(std::string(word));
  if (whole != whole_words_.end()) {
    memory.row.assign(1, whole->second);
  } else {
    SymbolRow row(memory.row);
    symbols_of(word, row);
    if (memory.row.size() > kMostShort)
      merge_long(memory);
    else if (!memory.row.empty())
      merge_short(memory.row);
  }
  ids.insert(ids.end(), memory.row.begin(), memory.row.end());
  if (is_short) memory.words.remember(word, memory.row);
}

void Bpe::tokenize(std::string_view piece, ModelMemory& memory_base, std::vector<int32_t>& ids) const {
  Memory& memory = static_cast<Memory&>(memory_base);
  size_t at = parts_at_marks_ ? piece.find(kMark, 1) : std::string_view::npos;
  while (at != std::string_view::npos) {
    if (!piece.substr(0, at).ends_with(kMark)) {
      tokenize_word(piece.substr(0, at), memory, ids);
      piece.remove_prefix(at);
      at = 0;
    }
    at = piece.find(kMark, at + 1);
  }
  tokenize_word(piece, memory, ids);
}

}  // namespace lorica
