#include "recipes/micro_step.h"

#include <algorithm>
#include <numeric>

#include "recipes/padding.h"

namespace lorica {
namespace {

DeviceBatch upload(Arena& arena, const Batch& batch) {
  return {.tokens = TokenBatch::of(arena, batch.ids, batch.positions, batch.cu_seqlens),
          .rows = tensor_of(arena, batch.rows),
          .targets = tensor_of(arena, batch.targets),
          .loss_scale = {},
          .dropout_stream = {}};
}

}  // namespace

Tensor launch_micro_step(Decoder& model, Tape& tape, const DeviceBatch& batch, bool recompute_blocks) {
  Var hidden = model.hidden(tape, batch.tokens, recompute_blocks);
  const HeadLossResult result = model.loss(tape, hidden, batch.rows, batch.targets, batch.loss_scale);
  hidden = Var();
  tape.backward(result.loss);
  return result.losses;
}

std::vector<float> forward_backward(Decoder& model, const Batch& batch, const MicroStepOptions& options) {
  if (batch.rows.empty()) return {};
  DeviceBatch on_device = upload(model.arena(), batch);
  on_device.loss_scale = tensor_of(model.arena(), std::vector{options.loss_scale});
  on_device.dropout_stream = tensor_of(model.arena(), std::vector{static_cast<int64_t>(options.stream << 16)});
  Tape tape(model.context(), model.arena());
  tape.set_dropout(options.seed, on_device.dropout_stream);
  if (options.inspector) tape.set_inspector(options.inspector);
  return to_host<float>(launch_micro_step(model, tape, on_device, options.recompute_blocks));
}

std::vector<float> forward_losses(Decoder& model, const Batch& batch) {
  if (batch.rows.empty()) return {};
  Tape tape(model.context(), model.arena(), false);
  return to_host<float>(launch_micro_step(model, tape, upload(model.arena(), batch), false));
}

std::vector<float> forward_logits(Decoder& model, const Batch& batch, int64_t micro_batch_tokens) {
  if (batch.rows.empty()) return {};
  const Batch whole = padded_for(model.context().device, batch, micro_batch_tokens);
  Tape tape(model.context(), model.arena(), false);
  const TokenBatch tokens = TokenBatch::of(model.arena(), whole.ids, whole.positions, whole.cu_seqlens);
  return to_host<float>(model.logits(tape, model.hidden(tape, tokens).value, batch.rows));
}

double sum_of(const std::vector<float>& losses) { return std::accumulate(losses.begin(), losses.end(), 0.0); }

size_t document_of(const Batch& batch, int64_t t) {
  const auto after = std::upper_bound(batch.cu_seqlens.begin(), batch.cu_seqlens.end(), static_cast<int32_t>(t));
  return static_cast<size_t>(after - batch.cu_seqlens.begin()) - 1;
}

}  // namespace lorica
