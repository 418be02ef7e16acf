#include "kernels/ops/sample.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "kernels/philox.h"

namespace lorica {
namespace {

struct Candidate {
  float logit;
  int32_t id;
};
using Candidates = std::span<Candidate>;

bool better(const Candidate& a, const Candidate& b) { return a.logit > b.logit || (a.logit == b.logit && a.id < b.id); }

uint64_t weight(float logit, float top) {
  if (logit == top) return static_cast<uint64_t>(kSampleWeightOne);
  return static_cast<uint64_t>(std::exp(double{logit} - double{top}) * kSampleWeightOne + 0.5);
}

uint64_t total_weight(Candidates candidates) {
  uint64_t total = 0;
  for (const Candidate& c : candidates) total += weight(c.logit, candidates.front().logit);
  return total;
}

/// The first candidate up to which the weights add up to more than `target`.
size_t find(Candidates candidates, uint64_t target) {
  uint64_t sum = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    sum += weight(candidates[i].logit, candidates.front().logit);
    if (target < sum) return i;
  }
  return candidates.size() - 1;
}

/// The candidates, best first, that top-k, top-p and min-p let through; at least one.
Candidates filter(Candidates candidates, const SamplingOptions& options) {
  const size_t k =
      options.top_k > 0 ? std::min(candidates.size(), static_cast<size_t>(options.top_k)) : candidates.size();
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(k), candidates.end(), better);
  candidates = candidates.first(k);
  if (options.top_p < 1) {
    const double wanted = std::ceil(std::max(options.top_p, 0.0) * static_cast<double>(total_weight(candidates)));
    candidates = candidates.first(find(candidates, static_cast<uint64_t>(std::max(wanted, 1.0)) - 1) + 1);
  }
  const double least = std::min(options.min_p, 1.0) * kSampleWeightOne;
  while (static_cast<double>(weight(candidates.back().logit, candidates.front().logit)) < least)
    candidates = candidates.first(candidates.size() - 1);
  return candidates;
}

int32_t choose(Candidates candidates, const SamplingOptions& options, const int64_t* draw) {
  for (const Candidate& c : candidates)  // a NaN would leave the order of the candidates undefined
    if (std::isnan(c.logit)) throw RunError("generation: the logits are not finite");
  const auto best = std::min_element(candidates.begin(), candidates.end(), better);
  if (best == candidates.end() || !std::isfinite(best->logit)) throw RunError("generation: the logits are not finite");
  if (options.temperature <= 0) return best->id;
  const auto heat = static_cast<float>(options.temperature);
  for (Candidate& c : candidates) c.logit /= heat;
  const Candidates left = filter(candidates, options);
  const auto words = philox(options.seed, static_cast<uint64_t>(draw[0]), static_cast<uint64_t>(draw[1]));
  __extension__ using Wide = unsigned __int128;
  const Wide random = (uint64_t{words[0]} << 32) | words[1];
  return left[find(left, static_cast<uint64_t>((random * total_weight(left)) >> 64))].id;
}

}  // namespace

void run(CpuBackend& cpu, const Sample& op) {
  const int64_t width = op.logits.shape[1], room = op.seen.shape[1];
  Candidate* const candidates = cpu.scratch<Candidate>(CpuBackend::kScratch0, width);
  bool* const penalised = cpu.scratch<bool>(CpuBackend::kScratch1, width);
  const auto penalty = static_cast<float>(op.options.repetition_penalty);
  for (int64_t b = 0; b < op.logits.shape[0]; ++b) {
    const int64_t* const draw = op.draws.as<int64_t>() + 2 * b;
    op.ids.as<int32_t>()[b] = -1;
    if (draw[1] < 0) continue;
    const float* const logits = op.logits.as<float>() + b * width;
    for (int64_t i = 0; i < width; ++i) candidates[i] = {logits[i], static_cast<int32_t>(i)};
    if (penalty != 1) {
      std::fill_n(penalised, width, false);
      for (int64_t i = 0; i < op.seen_lens.as<int32_t>()[b]; ++i) {
        const int32_t id = op.seen.as<int32_t>()[b * room + i];
        if (id < 0 || id >= width || std::exchange(penalised[id], true)) continue;
        float& logit = candidates[id].logit;
        logit = logit < 0 ? logit * penalty : logit / penalty;
      }
    }
    op.ids.as<int32_t>()[b] = choose({candidates, static_cast<size_t>(width)}, op.options, draw);
  }
}

}  // namespace lorica
