#pragma once
#include <compare>

#include "io/data/batches.h"
#include "kernels/memory.h"

namespace lorica {

/// Tokens of the longest document.
int64_t longest_document(const Batch& batch);

/// Sizes of a padded batch. Few of them occur, so that a recorded step serves many batches and a matrix product is
/// tuned for few shapes.
struct PaddedSizes {
  int64_t tokens = 0, documents = 0, rows = 0;
  auto operator<=>(const PaddedSizes&) const = default;
};

/// Tokens up to a quarter of `micro_batch_tokens` more, documents up to a power of two of at least 8, and labelled rows
/// up to an eighth of the padded tokens more. Room for the padding's own documents is counted in.
PaddedSizes padded_sizes(const Batch& batch, int64_t micro_batch_tokens);

/// The batch in these sizes. The padding tokens repeat the batch from its start, as documents of their own of at most
/// the length of the longest; after them come empty documents, and behind the labelled rows come rows -1 with target
/// -1. So losses and gradients are those of the batch. `examples` stays as it is.
Batch padded(const Batch& batch, const PaddedSizes& sizes);

/// The batch as a device likes to run it: padded on a GPU, whose products are tuned for each shape.
Batch padded_for(Device device, const Batch& batch, int64_t micro_batch_tokens);

}  // namespace lorica
