#pragma once
#include <span>
#include <vector>

#include "engine/tensor.h"
#include "kernels/ops/sample.h"

namespace lorica {

/// Chooses the tokens of a batch of sequences, where their logits lie. Draws come from Philox by (seed, sequence,
/// number of the draw): the same request gives the same text, alone or in a batch.
class Sampler {
 public:
  /// `first` is the number of the batch's first sequence.
  Sampler(Context& context, Arena& arena, const SamplingOptions& options, size_t first, size_t sequences)
      : context_(context), arena_(arena), options_(options), first_(first), draws_(sequences) {}

  /// The next token of each sequence. `logits` [sequences, V] f32 on the context's device; seen[b] are the tokens of
  /// sequence b so far, prompt included, null where none is wanted (-1 then). Throws RunError as Sample does.
  std::vector<int32_t> next(const In& logits, std::span<const std::vector<int32_t>* const> seen);

 private:
  Context& context_;
  Arena& arena_;
  SamplingOptions options_;
  size_t first_;
  std::vector<int64_t> draws_;  ///< how many each sequence has made
};

}  // namespace lorica
