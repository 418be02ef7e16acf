#pragma once
#include <cstdint>
#include <span>

#include "engine/model/decoder.h"

namespace lorica::bench {

/// Multiplications and additions that training needs for one token, when the base is frozen and nothing is computed
/// twice. With N the weights that a token is multiplied with (the blocks' matrices and the head; the embedding is a
/// lookup), N_lora those of the adapters, L blocks, d = heads x head width:
///     base 4 N                forward 2 N, gradients of the activations 2 N, none of the weights
///     attention 6 L d T       T the document's length: 2 L d T forward for the causal half, twice that backward
///     lora 6 N_lora
/// For documents of several lengths T is the mean over the tokens. Windows and the recomputation of scores do not
/// count.
struct TrainingCost {
  double base = 0, attention = 0, lora = 0;
  double a_token() const { return base + attention + lora; }
};

/// Adapters of rank `rank` on every linear layer of the blocks; `lengths` are those of the documents of a batch.
TrainingCost lora_training_cost(const Decoder& model, int64_t rank, std::span<const int64_t> lengths);

}  // namespace lorica::bench
