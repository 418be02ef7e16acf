#include "kernels/ops/lora_linear.h"

#include "engine/autograd/linear.h"

namespace lorica {
namespace {

Dropout dropout_of(Tape& tape, const LoraFactors& lora) {
  return {.p = tape.recording() || tape.replaying() ? lora.dropout : 0.0f,
          .seed = tape.dropout_seed(),
          .module = lora.module,
          .stream = tape.dropout_stream()};
}

}  // namespace

Var lora_linear(Tape& tape, const Var& x, const LinearWeight& weight, const LoraFactors& lora, const Var& bias,
                const Var& residual) {
  Tensor y = tape.empty({x.shape()[0], weight.out_features}, x.dtype());
  Tensor u = tape.empty({x.shape()[0], lora.a.shape()[0]}, x.dtype());
  Tensor rounded;
  launch(tape.context(), LoraLinearFwd{.x = x.value,
                                       .w = weight_for(tape, weight, weight.forward, x.dtype(), rounded),
                                       .bias = bias.value,
                                       .residual = residual.value,
                                       .a = lora.a.value,
                                       .b = lora.b.value,
                                       .y = y,
                                       .u = u,
                                       .scale = lora.scale,
                                       .dropout = dropout_of(tape, lora)});
  auto backward = [x = tape.save(x), dx = x.slot, weight, lora, u, dresidual = residual.slot](Tape& t,
                                                                                              const Tensor& dy) {
    Tensor again;
    launch(t.context(), LoraLinearBwd{.dy = dy,
                                      .x = x.get(t),
                                      .w = weight_for(t, weight, weight.backward, dy.dtype(), again),
                                      .a = lora.a.value,
                                      .b = lora.b.value,
                                      .u = u,
                                      .dx = t.grad_out(dx),
                                      .da = t.grad_out(lora.a.slot),
                                      .db = t.grad_out(lora.b.slot),
                                      .scale = lora.scale,
                                      .dropout = dropout_of(t, lora)});
    t.pass_grad(dresidual, dy);
  };
  return tape.record("lora_linear", {&x, &lora.a, &lora.b, &residual}, y, std::move(backward));
}

}  // namespace lorica
