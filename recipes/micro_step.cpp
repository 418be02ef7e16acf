#include "recipes/micro_step.h"

#include <algorithm>
#include <numeric>

namespace lorica {
namespace {

std::vector<float> run(Decoder& model, const Batch& batch, Tape& tape, const Tensor& loss_scale,
                       bool recompute_blocks) {
  if (batch.rows.empty()) return {};
  Arena& arena = model.arena();
  const TokenBatch tokens = TokenBatch::of(arena, batch.ids, batch.positions, batch.cu_seqlens);
  Var hidden = model.hidden(tape, tokens, recompute_blocks);
  HeadLossResult result =
      model.loss(tape, hidden, tensor_of(arena, batch.rows), tensor_of(arena, batch.targets), loss_scale);
  hidden = Var();
  tape.backward(result.loss);
  return to_host<float>(result.losses);
}

}  // namespace

std::vector<float> forward_backward(Decoder& model, const Batch& batch, const MicroStepOptions& options) {
  Tape tape(model.context(), model.arena());
  tape.set_dropout(options.seed, tensor_of(model.arena(), std::vector{static_cast<int64_t>(options.stream << 16)}));
  if (options.inspector) tape.set_inspector(options.inspector);
  return run(model, batch, tape, tensor_of(model.arena(), std::vector{options.loss_scale}), options.recompute_blocks);
}

std::vector<float> forward_losses(Decoder& model, const Batch& batch) {
  Tape tape(model.context(), model.arena(), false);
  return run(model, batch, tape, Tensor(), false);
}

double sum_of(const std::vector<float>& losses) { return std::accumulate(losses.begin(), losses.end(), 0.0); }

size_t document_of(const Batch& batch, int64_t t) {
  const auto after = std::upper_bound(batch.cu_seqlens.begin(), batch.cu_seqlens.end(), static_cast<int32_t>(t));
  return static_cast<size_t>(after - batch.cu_seqlens.begin()) - 1;
}

}  // namespace lorica
