#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace lorica {

/// How the next token is chosen; names and order of the steps as in Transformers' generate().
struct SamplingOptions {
  double temperature = 0;  ///< 0: greedy, the filters below are then idle
  int64_t top_k = 0;       ///< 0: off
  double top_p = 1;
  double min_p = 0;
  double repetition_penalty = 1;
  uint64_t seed = 0;
};

/// Chooses tokens of one sequence. Draws come from Philox by (seed, sequence, position): the same request gives the
/// same text, alone or in a batch.
class Sampler {
 public:
  Sampler(const SamplingOptions& options, uint64_t sequence) : options_(options), sequence_(sequence) {}

  /// `logits` [V] f32, changed in place by the penalty; `seen` are the tokens so far, prompt included. Of equal logits
  /// the lowest id wins. -infinity rules a token out. Throws RunError for a NaN or +infinity among the logits, and when
  /// every token is ruled out.
  int32_t next(std::span<float> logits, std::span<const int32_t> seen);

 private:
  struct Candidate {
    float logit;
    int32_t id;
  };
  void filter(std::vector<Candidate>& candidates) const;

  SamplingOptions options_;
  uint64_t sequence_;
  uint64_t draws_ = 0;
  std::vector<Candidate> candidates_;
};

}  // namespace lorica
