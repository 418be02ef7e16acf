#include "recipes/sampler.h"

#include <algorithm>

namespace lorica {

std::vector<int32_t> Sampler::next(const In& logits, std::span<const std::vector<int32_t>* const> seen) {
  const size_t batch = draws_.size();
  const bool penalised = options_.repetition_penalty != 1;  // otherwise nobody reads what was seen
  size_t room = 1;
  if (penalised)
    for (const auto* tokens : seen) room = std::max(room, tokens ? tokens->size() : 0);
  std::vector<int32_t> tokens(batch * room), lengths(batch);
  std::vector<int64_t> draws;
  for (size_t b = 0; b < batch; ++b) {
    draws.push_back(static_cast<int64_t>(first_ + b));
    draws.push_back(seen[b] ? draws_[b]++ : -1);
    if (!penalised || !seen[b]) continue;
    std::copy(seen[b]->begin(), seen[b]->end(), tokens.begin() + static_cast<std::ptrdiff_t>(b * room));
    lengths[b] = static_cast<int32_t>(seen[b]->size());
  }
  const auto rows = static_cast<int64_t>(batch);
  const Tensor chosen(arena_, {rows}, Dtype::i32);
  launch(context_, Sample{.logits = logits,
                          .seen = tensor_of(arena_, tokens).reshaped({rows, static_cast<int64_t>(room)}),
                          .seen_lens = tensor_of(arena_, lengths),
                          .draws = tensor_of(arena_, draws).reshaped({rows, 2}),
                          .ids = chosen,
                          .options = options_});
  return to_host<int32_t>(chosen);
}

}  // namespace lorica
