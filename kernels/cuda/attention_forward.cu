#include "kernels/cuda/attention_library.h"
#include "kernels/cuda/attention_rows.cuh"
#include "kernels/ops/attention.h"

namespace lorica {

void run(CudaBackend& cuda, const AttentionFwd& op) {
  if (AttentionLibrary* library = cuda.attention_library(); library && library->run(cuda, op)) return;
  const device::PackedKeys keys{.cu_seqlens = op.cu_seqlens.as<int32_t>(),
                                .documents = static_cast<int>(op.cu_seqlens.shape[0] - 1),
                                .window = op.window};
  visit_float(op.q.dtype, [&]<class T> {
    const RowsProblem<T> p{.q = op.q.as<T>(),
                           .k = op.k.as<T>(),
                           .v = op.v.as<T>(),
                           .o = op.o.as<T>(),
                           .lse = op.lse ? op.lse.as<float>() : nullptr,
                           .tokens = static_cast<int>(op.q.shape[0]),
                           .heads = static_cast<int>(op.q.shape[1]),
                           .kv_heads = static_cast<int>(op.k.shape[1]),
                           .d = static_cast<int>(op.q.shape[2]),
                           .rule = {op.scale, op.softcap}};
    launch_attention_rows(cuda, "attention_fwd", p, keys);
  });
}

}  // namespace lorica
