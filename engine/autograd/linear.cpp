#include "engine/autograd/linear.h"

#include "kernels/ops/elementwise.h"

namespace lorica {

WeightIn weight_for(Tape& tape, const LinearWeight& weight, const PackedWeight* packed, Dtype dtype, Tensor& rounded) {
  if (packed) return {.w = {}, .packed = packed, .layout = weight.layout};
  if (weight.w.dtype() == dtype) return {.w = weight.w.value, .packed = nullptr, .layout = weight.layout};
  rounded = tape.empty(weight.w.shape(), dtype);
  launch(tape.context(), Cast{.x = weight.w.value, .y = rounded});
  return {.w = rounded, .packed = nullptr, .layout = weight.layout};
}

Var linear(Tape& tape, const Var& x, const LinearWeight& weight, const Var& bias, const Var& residual) {
  Tensor y = tape.empty({x.shape()[0], weight.out_features}, x.dtype());
  Tensor rounded;
  launch(tape.context(), LinearFwd{.x = x.value,
                                   .w = weight_for(tape, weight, weight.forward, x.dtype(), rounded),
                                   .bias = bias.value,
                                   .residual = residual.value,
                                   .y = y});
  const bool trained = weight.w.needs_grad() || bias.needs_grad();
  auto backward = [dx = x.slot, x = trained ? tape.save(x) : Saved(), trained, weight, dbias = bias.slot,
                   dresidual = residual.slot](Tape& t, const Tensor& dy) {
    if (trained)
      launch(t.context(), LinearWeightGrad{.dy = dy,
                                           .x = x.get(t),
                                           .dw = t.grad_out(weight.w.slot),
                                           .db = t.grad_out(dbias),
                                           .layout = weight.layout});
    if (dx) {
      Tensor again;
      launch(t.context(),
             LinearBwd{.dy = dy, .w = weight_for(t, weight, weight.backward, dy.dtype(), again), .dx = t.grad_out(dx)});
    }
    t.pass_grad(dresidual, dy);
  };
  return tape.record("linear", {&x, &weight.w, &bias, &residual}, y, std::move(backward));
}

}  // namespace lorica
