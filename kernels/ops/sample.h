#pragma once
#include "kernels/context.h"

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

/// Chooses the next token of each of B sequences, in these steps:
///     penalty    logits of tokens seen before, each once:  l / penalty where l >= 0, else l * penalty
///     greedy     where temperature is 0: the largest logit, of equals the lowest id
///     top k      the k best of l / temperature, in the order of greedy
///     top p      of these the fewest best ones whose probabilities reach top_p
///     min p      of these the ones that are at least min_p as probable as the best
///     draw       by probability, with the Philox number of (seed, sequence, draw)
/// Shapes    logits [B, V] f32, V at most 2^24;  seen [B, C] i32, of which row b has seen_lens[b];  seen_lens [B] i32;
///           draws [B, 2] i64: the number of the sequence, and of its draw (-1: the row is left out, its id is -1);
///           ids [B] i32.
/// Numerics  probabilities are integers, round(2^40 exp(l - largest)): their sums do not depend on the order.
/// Errors    a NaN or +infinity among the logits, or nothing but -infinity: RunError.
struct Sample {
  In logits, seen, seen_lens, draws;
  Out ids;
  SamplingOptions options;
  void check() const;
  Cost cost() const;
};

/// The probability of the best token, and what is below half a unit counts as 0.
constexpr double kSampleWeightOne = 0x1p40;

void run(CpuBackend&, const Sample&);
void run(CudaBackend&, const Sample&);

}  // namespace lorica
