#include "kernels/ops/embedding.h"

#include "engine/autograd/functions.h"

namespace lorica {

Var embedding(Tape& tape, const Var& table, const Tensor& ids, Dtype dtype, float scale) {
  Tensor y = tape.empty({ids.shape()[0], table.shape()[1]}, dtype);
  launch(tape.context(), EmbeddingFwd{.table = table.value, .ids = ids, .y = y, .scale = scale});
  return tape.record("embedding", {&table}, y, [table = table.slot, ids, scale](Tape& t, const Tensor& dy) {
    launch(t.context(), EmbeddingBwd{.dy = dy, .ids = ids, .dtable = t.grad_out(table), .scale = scale});
  });
}

}  // namespace lorica
