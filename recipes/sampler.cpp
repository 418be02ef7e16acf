#include "recipes/sampler.h"

#include <algorithm>

namespace lorica {

template <class T>
Tensor Sampler::on_device(const std::vector<T>& values, Shape shape) {
  Tensor result(arena_, shape, dtype_of<T>());
  context_.memory().copy_in(result.out().data, values.data(), values.size() * sizeof(T));
  return result;
}

std::vector<int32_t> Sampler::next(const In& logits, std::span<const std::vector<int32_t>* const> seen) {
  const size_t batch = draws_.size();
  const bool penalised = options_.repetition_penalty != 1;  // otherwise nobody reads what was seen
  size_t room = 1;
  if (penalised)
    for (const auto* tokens : seen) room = std::max(room, tokens ? tokens->size() : 0);
  std::vector<int32_t> tokens(batch * room), lengths(batch), ids(batch);
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
                          .seen = on_device(tokens, {rows, static_cast<int64_t>(room)}),
                          .seen_lens = on_device(lengths, {rows}),
                          .draws = on_device(draws, {rows, 2}),
                          .ids = chosen,
                          .options = options_});
  context_.memory().copy_out(ids.data(), chosen.in().data, batch * sizeof(int32_t));
  return ids;
}

}  // namespace lorica
