#include "kernels/ops/attention.h"

#include "engine/autograd/functions.h"

namespace lorica {

Var attention(Tape& tape, const Var& q, const Var& k, const Var& v, const Tensor& cu_seqlens,
              const AttentionOptions& options) {
  Tensor o = tape.empty(q.shape(), q.dtype());
  Tensor lse = tape.empty({q.shape()[1], q.shape()[0]}, Dtype::f32);
  launch(tape.context(), AttentionFwd{.q = q.value,
                                      .k = k.value,
                                      .v = v.value,
                                      .cu_seqlens = cu_seqlens,
                                      .o = o,
                                      .lse = lse,
                                      .scale = options.scale,
                                      .window = options.window,
                                      .softcap = options.softcap,
                                      .longest = options.longest});
  return tape.record("attention", {&q, &k, &v}, o, [q, k, v, o, lse, cu_seqlens, options](Tape& t, const Tensor& dy) {
    launch(t.context(), AttentionBwd{.do_ = dy,
                                     .q = q.value,
                                     .k = k.value,
                                     .v = v.value,
                                     .o = o,
                                     .lse = lse,
                                     .cu_seqlens = cu_seqlens,
                                     .dq = t.grad_out(q.slot),
                                     .dk = t.grad_out(k.slot),
                                     .dv = t.grad_out(v.slot),
                                     .scale = options.scale,
                                     .window = options.window,
                                     .softcap = options.softcap,
                                     .longest = options.longest});
  });
}

}  // namespace lorica
