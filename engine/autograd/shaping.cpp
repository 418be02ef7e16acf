#include "engine/autograd/functions.h"
#include "kernels/ops/columns.h"
#include "kernels/ops/elementwise.h"

namespace lorica {

Var add(Tape& tape, const Var& a, const Var& b) {
  Tensor y = tape.empty(a.shape(), a.dtype());
  launch(tape.context(), Add{.a = a.value, .b = b.value, .y = y});
  return tape.record("add", {&a, &b}, y, [a = a.slot, b = b.slot](Tape& t, const Tensor& dy) {
    t.pass_grad(a, dy);
    t.pass_grad(b, dy);
  });
}

Var scale(Tape& tape, const Var& x, float factor) {
  Tensor y = tape.empty(x.shape(), x.dtype());
  launch(tape.context(), Accumulate{.dy = x.value, .dx = {y, GradMode::kWrite}, .scale = factor});
  return tape.record("scale", {&x}, y, [x = x.slot, factor](Tape& t, const Tensor& dy) {
    launch(t.context(), Accumulate{.dy = dy, .dx = t.grad_out(x), .scale = factor});
  });
}

Var columns(Tape& tape, const Var& x, int64_t begin, int64_t count) {
  Tensor y = tape.empty({x.shape()[0], count}, x.dtype());
  launch(tape.context(), CopyColumns{.x = x.value, .y = y, .x_begin = begin, .y_begin = 0, .columns = count});
  return tape.record("columns", {&x}, y, [x = x.slot, begin, count](Tape& t, const Tensor& dy) {
    // the other columns belong to other slices: the first of these to come by clears the whole
    const GradOut dx = t.grad_out(x);
    launch(t.context(), CopyColumns{.x = dy,
                                    .y = dx.tensor,
                                    .x_begin = 0,
                                    .y_begin = begin,
                                    .columns = count,
                                    .add = dx.mode == GradMode::kAdd,
                                    .clear_rest = dx.mode == GradMode::kWrite});
  });
}

Var reshape(Tape& tape, const Var& x, Shape shape) {
  return tape.record("reshape", {&x}, x.value.reshaped(shape),
                     [x = x.slot](Tape& t, const Tensor& dy) { t.pass_grad(x, dy); });
}

}  // namespace lorica
