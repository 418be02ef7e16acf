#pragma once
#include <cstdint>
#include <span>

#include "kernels/ops/sample.h"

namespace lorica {

/// Chooses tokens of one sequence by the op Sample. Draws come from Philox by (seed, sequence, number of the draw): the
/// same request gives the same text, alone or in a batch.
class Sampler {
 public:
  Sampler(const SamplingOptions& options, int64_t sequence) : options_(options), draw_{sequence, 0} {}

  /// `logits` [V] f32 in host memory; `seen` are the tokens so far, prompt included. Throws RunError as Sample does.
  int32_t next(std::span<const float> logits, std::span<const int32_t> seen);

 private:
  SamplingOptions options_;
  int64_t draw_[2];
  CpuBackend cpu_;
};

}  // namespace lorica
