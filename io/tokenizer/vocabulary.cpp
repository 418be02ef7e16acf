#include "io/tokenizer/vocabulary.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "kernels/error.h"

namespace lorica {

Vocabulary::Vocabulary(const JsonNode& node) {
  size_t bytes = 0;
  int64_t end = 0;
  std::vector<std::pair<std::string_view, int64_t>> tokens;
  tokens.reserve(node.size());
  // Room for gaps, yet no table of gigabytes because of one mistyped id.
  const int64_t most = static_cast<int64_t>(node.size()) * 2 + 1'000'000;
  node.each_member([&](std::string_view token, const JsonNode& id) {
    bytes += token.size();
    tokens.emplace_back(token, id.count(most));
    end = std::max(end, tokens.back().second + 1);
  });
  make_tables(tokens.size(), bytes, static_cast<size_t>(end));
  for (const auto& [token, id] : tokens) {
    if (const std::string_view other = texts_[static_cast<size_t>(id)]; other.data())
      node.fail(fmt::format("'{}' and '{}' have the same id, {}", other, token, id));
    add(token, static_cast<int32_t>(id));
  }
}

Vocabulary::Vocabulary(std::span<const std::string_view> tokens) {
  size_t bytes = 0;
  for (const std::string_view token : tokens) bytes += token.size();
  make_tables(tokens.size(), bytes, tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id) add(tokens[id], static_cast<int32_t>(id));
}

void Vocabulary::make_tables(size_t tokens, size_t bytes, size_t end) {
  characters_.reserve(bytes + 1);  // never empty, so that the empty token is told from a gap
  texts_.resize(end);
  slots_.assign(std::bit_ceil(tokens * 2 + 2), -1);
}

void Vocabulary::add(std::string_view token, int32_t id) {
  const size_t start = characters_.size();
  characters_ += token;
  std::string_view& text = texts_[static_cast<size_t>(id)];
  text = std::string_view(characters_.data() + start, token.size());
  slots_[find_slot(text)] = id;
  ++tokens_;
}

size_t Vocabulary::find_slot(std::string_view token) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = std::hash<std::string_view>()(token) & mask;
  while (slots_[slot] >= 0 && texts_[static_cast<size_t>(slots_[slot])] != token) slot = (slot + 1) & mask;
  return slot;
}

}  // namespace lorica
