#include "kernels/ops/head_loss.h"

#include "engine/autograd/linear.h"

namespace lorica {

HeadLossResult head_loss(Tape& tape, const Var& hidden, const LinearWeight& weight, const Tensor& rows,
                         const Tensor& targets, const Tensor& loss_scale, float softcap) {
  HeadLossResult result;
  result.losses = tape.empty({rows.shape()[0]}, Dtype::f32);
  Tensor dhidden;
  if (tape.recording() && hidden.needs_grad()) dhidden = tape.empty(hidden.shape(), hidden.dtype());
  Tensor rounded;
  const WeightIn forward = weight_for(tape, weight, weight.forward, hidden.dtype(), rounded);
  const WeightIn backward =
      weight.backward
          ? WeightIn{.w = {}, .packed = weight.backward, .layout = weight.layout}
          : WeightIn{.w = rounded ? In(rounded) : In(weight.w.value), .packed = nullptr, .layout = weight.layout};
  // The head's own gradient is added to its parameter right here: the logits that it needs are gone afterwards.
  launch(tape.context(), HeadLoss{.hidden = hidden.value,
                                  .weight = forward,
                                  .weight_bwd = backward,
                                  .rows = rows,
                                  .targets = targets,
                                  .losses = result.losses,
                                  .dhidden = {dhidden, dhidden ? GradMode::kWrite : GradMode::kSkip},
                                  .dw = tape.recording() ? tape.grad_out(weight.w.slot) : GradOut{},
                                  .loss_scale = loss_scale,
                                  .softcap = softcap});
  result.loss = tape.record("head_loss", {&hidden}, result.losses,
                            [hidden = hidden.slot, dhidden](Tape& t, const Tensor&) { t.pass_grad(hidden, dhidden); });
  return result;
}

}  // namespace lorica
