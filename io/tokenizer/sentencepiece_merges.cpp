#include "io/tokenizer/sentencepiece_merges.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <vector>

#include "io/tokenizer/utf8.h"

namespace lorica {

nlohmann::ordered_json merges_by_score(std::span<const std::string_view> pieces, std::span<const float> scores,
                                       std::span<const bool> may_merge) {
  std::unordered_map<std::string_view, size_t> ids;
  for (size_t id = 0; id < pieces.size(); ++id)
    if (may_merge[id]) ids.emplace(pieces[id], id);
  struct Cut {
    size_t piece, left_bytes, left;  // left: the id of the left part
  };
  std::vector<Cut> cuts;
  for (size_t id = 0; id < pieces.size(); ++id) {
    if (!may_merge[id]) continue;
    const std::string_view text = pieces[id];
    for (size_t at = 1; at < text.size(); ++at) {
      if (utf8::begins_character(text[at]) && ids.contains(text.substr(0, at)) && ids.contains(text.substr(at)))
        cuts.push_back({id, at, ids.at(text.substr(0, at))});
    }
  }
  std::sort(cuts.begin(), cuts.end(), [&](const Cut& a, const Cut& b) {
    if (scores[a.piece] != scores[b.piece]) return scores[a.piece] > scores[b.piece];
    if (a.piece != b.piece) return a.piece < b.piece;
    return a.left < b.left;
  });
  nlohmann::ordered_json merges = nlohmann::ordered_json::array();
  for (const Cut& cut : cuts) {
    const std::string_view text = pieces[cut.piece];
    merges.push_back(nlohmann::ordered_json::array({text.substr(0, cut.left_bytes), text.substr(cut.left_bytes)}));
  }
  return merges;
}

}  // namespace lorica
