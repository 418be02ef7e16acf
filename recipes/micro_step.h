#pragma once
#include <functional>
#include <vector>

#include "engine/model/decoder.h"
#include "io/data/batches.h"

namespace lorica {

/// A micro-batch in the device's memory.
struct DeviceBatch {
  TokenBatch tokens;
  Tensor rows, targets;   ///< [n] i32 each, as HeadLoss takes them
  Tensor loss_scale;      ///< f32 [1]; empty: 1
  Tensor dropout_stream;  ///< i64 [1]; empty: 0
};
/// Launches the forward pass and, on a recording tape, the backward pass; returns the losses of the rows.
Tensor launch_micro_step(Decoder& model, Tape& tape, const DeviceBatch& batch, bool recompute_blocks);

/// How a micro-batch is run in training.
struct MicroStepOptions {
  float loss_scale = 1;           ///< 1 over the trained tokens of the whole step, all micro-batches and ranks
  bool recompute_blocks = false;  ///< gradient checkpointing
  uint64_t seed = 0;              ///< of dropout
  uint64_t stream = 0;            ///< unlike for every (step, micro-batch)
  Tape::Inspector inspector = {};
};

/// Losses of the batch's rows (not scaled); gradients are added to the model's parameters.
std::vector<float> forward_backward(Decoder& model, const Batch& batch, const MicroStepOptions& options);

/// Losses of the batch's rows, nothing else.
std::vector<float> forward_losses(Decoder& model, const Batch& batch);

/// Logits [rows, V] of the batch's rows, nothing else. On a GPU the batch is padded as in training.
std::vector<float> forward_logits(Decoder& model, const Batch& batch, int64_t micro_batch_tokens);

/// Sum in double, in order.
double sum_of(const std::vector<float>& losses);

/// Number of the document that token `t` of the batch belongs to.
size_t document_of(const Batch& batch, int64_t t);

}  // namespace lorica
