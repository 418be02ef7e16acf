#include "kernels/ops/activation.h"

#include "engine/autograd/functions.h"

namespace lorica {

Var glu(Tape& tape, const Var& gate, const Var& up, Activation act) {
  Tensor y = tape.empty(gate.shape(), gate.dtype());
  launch(tape.context(), GluFwd{.gate = gate.value, .up = up.value, .y = y, .activation = act});
  Var result = tape.record("glu", {&gate, &up}, y, [gate, up, act](Tape& t, const Tensor& dy) {
    launch(t.context(), GluBwd{.dy = dy,
                               .gate = gate.value,
                               .up = up.value,
                               .dgate = t.grad_out(gate.slot),
                               .dup = t.grad_out(up.slot),
                               .activation = act});
  });
  if (!tape.recording()) return result;
  result.recompute = std::make_shared<Recompute>();
  result.recompute->make = [gate = gate.value, up = up.value, act](Tape& t) {
    Tensor again = t.empty(gate.shape(), gate.dtype());
    launch(t.context(), GluFwd{.gate = gate, .up = up, .y = again, .activation = act});
    return again;
  };
  return result;
}

Var activation(Tape& tape, const Var& x, Activation act) {
  Tensor y = tape.empty(x.shape(), x.dtype());
  launch(tape.context(), ActivationFwd{.x = x.value, .y = y, .activation = act});
  Var result = tape.record("activation", {&x}, y, [x, act](Tape& t, const Tensor& dy) {
    launch(t.context(), ActivationBwd{.dy = dy, .x = x.value, .dx = t.grad_out(x.slot), .activation = act});
  });
  if (!tape.recording()) return result;
  result.recompute = std::make_shared<Recompute>();
  result.recompute->make = [x = x.value, act](Tape& t) {
    Tensor again = t.empty(x.shape(), x.dtype());
    launch(t.context(), ActivationFwd{.x = x, .y = again, .activation = act});
    return again;
  };
  return result;
}

}  // namespace lorica
