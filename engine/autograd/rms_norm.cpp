#include "kernels/ops/rms_norm.h"

#include "engine/autograd/functions.h"

namespace lorica {

Var rms_norm(Tape& tape, const Var& x, const Var& w, float eps, float weight_offset) {
  Tensor y = tape.empty(x.shape(), x.dtype());
  Tensor rstd = tape.empty({x.shape()[0]}, Dtype::f32);
  launch(tape.context(),
         RmsNormFwd{.x = x.value, .w = w.value, .y = y, .rstd = rstd, .eps = eps, .weight_offset = weight_offset});
  // The capture list is the memory bill: these live until backward has run.
  Var result = tape.record("rms_norm", {&x, &w}, y, [x, w, rstd, weight_offset](Tape& t, const Tensor& dy) {
    launch(t.context(), RmsNormBwd{.dy = dy,
                                   .x = x.value,
                                   .w = w.value,
                                   .rstd = rstd,
                                   .dx = t.grad_out(x.slot),
                                   .dw = t.grad_out(w.slot),
                                   .weight_offset = weight_offset});
  });
  if (!tape.recording()) return result;
  result.recompute = std::make_shared<Recompute>();
  result.recompute->make = [x = x.value, w = w.value, eps, weight_offset](Tape& t) {
    Tensor again = t.empty(x.shape(), x.dtype());
    launch(t.context(), RmsNormFwd{.x = x, .w = w, .y = again, .rstd = {}, .eps = eps, .weight_offset = weight_offset});
    return again;
  };
  return result;
}

}  // namespace lorica
