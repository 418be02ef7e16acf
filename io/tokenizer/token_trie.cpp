#include "io/tokenizer/token_trie.h"

#include <algorithm>

namespace lorica {

const TokenTrie::Child* TokenTrie::child(const Node& node, unsigned char byte) const {
  const auto found = std::find_if(node.children.begin(), node.children.end(),
                                  [byte](const Child& candidate) { return candidate.byte == byte; });
  return found == node.children.end() ? nullptr : &*found;
}

bool TokenTrie::add(std::string_view text, int32_t value) {
  uint32_t at = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (const Child* next = child(nodes_[at], byte)) {
      at = next->node;
      continue;
    }
    const auto created = static_cast<uint32_t>(nodes_.size());
    nodes_[at].children.push_back({byte, created});
    nodes_.emplace_back();
    at = created;
  }
  if (nodes_[at].value >= 0) return false;
  nodes_[at].value = value;
  starts_[static_cast<unsigned char>(text.front())] = true;
  return true;
}

bool TokenTrie::find(std::string_view text, size_t from, Match& match) const {
  if (nodes_.size() == 1) return false;
  for (size_t begin = from; begin < text.size(); ++begin) {
    if (!starts_[static_cast<unsigned char>(text[begin])]) continue;
    uint32_t at = 0;
    bool found = false;
    for (size_t i = begin; i < text.size(); ++i) {
      const Child* next = child(nodes_[at], static_cast<unsigned char>(text[i]));
      if (!next) break;
      at = next->node;
      if (nodes_[at].value >= 0) {
        match = {begin, i + 1, nodes_[at].value};
        found = true;
      }
    }
    if (found) return true;
  }
  return false;
}

}  // namespace lorica
