#include "recipes/sampler.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "kernels/error.h"
#include "kernels/philox.h"

namespace lorica {
namespace {

void penalise_repetition(std::span<float> logits, std::span<const int32_t> seen, float penalty) {
  const std::unordered_set<int32_t> once(seen.begin(), seen.end());
  for (int32_t id : once) {
    float& logit = logits[static_cast<size_t>(id)];
    logit = logit < 0 ? logit * penalty : logit / penalty;
  }
}

}  // namespace

/// Leaves the candidates, best first, that top-k, top-p and min-p let through; at least one.
void Sampler::filter(std::vector<Candidate>& candidates) const {
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
  };
  const size_t k =
      options_.top_k > 0 ? std::min(candidates.size(), static_cast<size_t>(options_.top_k)) : candidates.size();
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(k), candidates.end(), better);
  candidates.resize(k);
  if (options_.top_p >= 1 && options_.min_p <= 0) return;

  double total = 0;
  const double top = candidates.front().logit;
  for (const Candidate& c : candidates) total += std::exp(c.logit - top);
  size_t keep = 0;
  double before = 0;  // probability of the better ones
  for (const Candidate& c : candidates) {
    if (keep > 0 && before >= options_.top_p) break;
    before += std::exp(c.logit - top) / total;
    ++keep;
  }
  while (keep > 1 && std::exp(candidates[keep - 1].logit - top) < options_.min_p) --keep;
  candidates.resize(keep);
}

int32_t Sampler::next(std::span<float> logits, std::span<const int32_t> seen) {
  if (options_.repetition_penalty != 1)
    penalise_repetition(logits, seen, static_cast<float>(options_.repetition_penalty));
  for (float logit : logits)  // a NaN would leave the order of the candidates undefined
    if (std::isnan(logit)) throw RunError("generation: the logits are not finite");
  const auto best = std::max_element(logits.begin(), logits.end());
  if (best == logits.end() || !std::isfinite(*best)) throw RunError("generation: the logits are not finite");
  if (options_.temperature <= 0) return static_cast<int32_t>(best - logits.begin());

  candidates_.clear();
  const auto heat = static_cast<float>(options_.temperature);
  for (size_t i = 0; i < logits.size(); ++i) candidates_.push_back({logits[i] / heat, static_cast<int32_t>(i)});
  filter(candidates_);
  double total = 0;
  const double top = candidates_.front().logit;
  for (const Candidate& c : candidates_) total += std::exp(c.logit - top);
  const auto words = philox(options_.seed, sequence_, draws_++);
  const double draw = (static_cast<double>(words[0]) * 0x1p32 + static_cast<double>(words[1])) * 0x1p-64 * total;
  double sum = 0;
  for (const Candidate& c : candidates_) {
    sum += std::exp(c.logit - top);
    if (draw < sum) return c.id;
  }
  return candidates_.back().id;
}

}  // namespace lorica
