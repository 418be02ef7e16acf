#include "io/tokenizer/prefix_trie.h"

#include <algorithm>
#include <vector>

namespace lorica {

PrefixTrie::PrefixTrie(std::span<const std::string_view> texts) {
  std::vector<uint32_t> order(texts.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return texts[a] < texts[b]; });
  // In sorted order a token's new nodes are those behind what it shares with the one before it.
  const auto shared = [&](size_t i) -> size_t {
    if (i == 0) return 0;
    const std::string_view before = texts[order[i - 1]], text = texts[order[i]];
    return static_cast<size_t>(std::mismatch(text.begin(), text.end(), before.begin(), before.end()).first -
                               text.begin());
  };
  size_t edges = 0;
  for (size_t i = 0; i < order.size(); ++i) edges += texts[order[i]].size() - shared(i);
  edges_ = PairTable(edges);
  int32_t nodes = 1;
  std::vector<int32_t> path = {0};  // the nodes along the token at hand
  for (size_t i = 0; i < order.size(); ++i) {
    const std::string_view text = texts[order[i]];
    const size_t common = shared(i);
    path.resize(common + 1);
    for (size_t at = common; at < text.size(); ++at) {
      edges_.set(path.back(), static_cast<unsigned char>(text[at]), {kNoValue, nodes});
      path.push_back(nodes++);
    }
    if (!text.empty())
      edges_.set(path[text.size() - 1], static_cast<unsigned char>(text.back()), {order[i], path[text.size()]});
  }
}

}  // namespace lorica
