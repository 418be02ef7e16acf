#pragma once
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string_view>

namespace lorica {

/// The merges of a BPE that is given by scores, as SentencePiece has it: the pieces best in score come first, and of
/// one the left part with the lowest id. `may_merge[i]` is false for pieces that no merge makes (control tokens,
/// bytes).
nlohmann::ordered_json merges_by_score(std::span<const std::string_view> pieces, std::span<const float> scores,
                                       std::span<const bool> may_merge);

}  // namespace lorica
