#include "io/tokenizer/vocabulary.h"

#include <algorithm>

#include "kernels/error.h"

namespace lorica {

Vocabulary::Vocabulary(const JsonNode& node) {
  size_t bytes = 0;
  int64_t end = 0;
  // Room for gaps, yet no table of gigabytes because of one mistyped id.
  const int64_t most = static_cast<int64_t>(node.size()) * 2 + 1'000'000;
  node.each_member([&](std::string_view token, const JsonNode& id) {
    bytes += token.size();
    end = std::max(end, id.count(most) + 1);
  });
  characters_.reserve(bytes + 1);  // never empty, so that the empty token is told from a gap
  texts_.resize(static_cast<size_t>(end));
  ids_.reserve(node.size());
  node.each_member([&](std::string_view token, const JsonNode& id) {
    const auto index = static_cast<size_t>(id.count(most));
    if (texts_[index].data()) id.fail(fmt::format("id {} belongs to '{}' already", index, texts_[index]));
    const size_t start = characters_.size();
    characters_ += token;
    texts_[index] = std::string_view(characters_.data() + start, token.size());
    ids_.emplace(texts_[index], static_cast<int32_t>(index));
  });
}

}  // namespace lorica
