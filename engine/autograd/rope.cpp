#include "kernels/ops/rope.h"

#include "engine/autograd/functions.h"

namespace lorica {

Var rope(Tape& tape, const Var& x, const Tensor& cos, const Tensor& sin, const Tensor& positions) {
  Tensor y = tape.empty(x.shape(), x.dtype());
  launch(tape.context(), Rope{.x = x.value, .cos = cos, .sin = sin, .positions = positions, .y = y});
  return tape.record("rope", {&x}, y, [x = x.slot, cos, sin, positions](Tape& t, const Tensor& dy) {
    launch(t.context(), RopeBwd{.dy = dy, .cos = cos, .sin = sin, .positions = positions, .dx = t.grad_out(x)});
  });
}

}  // namespace lorica
