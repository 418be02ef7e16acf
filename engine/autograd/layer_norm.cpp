#include "kernels/ops/layer_norm.h"

#include "engine/autograd/functions.h"

namespace lorica {

Var layer_norm(Tape& tape, const Var& x, const Var& w, const Var& b, float eps) {
  Tensor y = tape.empty(x.shape(), x.dtype());
  Tensor mean = tape.empty({x.shape()[0]}, Dtype::f32);
  Tensor rstd = tape.empty({x.shape()[0]}, Dtype::f32);
  launch(tape.context(),
         LayerNormFwd{.x = x.value, .w = w.value, .b = b.value, .y = y, .mean = mean, .rstd = rstd, .eps = eps});
  Var result = tape.record("layer_norm", {&x, &w, &b}, y, [x, w, b = b.slot, mean, rstd](Tape& t, const Tensor& dy) {
    launch(t.context(), LayerNormBwd{.dy = dy,
                                     .x = x.value,
                                     .w = w.value,
                                     .mean = mean,
                                     .rstd = rstd,
                                     .dx = t.grad_out(x.slot),
                                     .dw = t.grad_out(w.slot),
                                     .db = t.grad_out(b)});
  });
  if (!tape.recording()) return result;
  result.recompute = std::make_shared<Recompute>();
  result.recompute->make = [x = x.value, w = w.value, b = b.value, eps](Tape& t) {
    Tensor again = t.empty(x.shape(), x.dtype());
    launch(t.context(), LayerNormFwd{.x = x, .w = w, .b = b, .y = again, .mean = {}, .rstd = {}, .eps = eps});
    return again;
  };
  return result;
}

}  // namespace lorica
