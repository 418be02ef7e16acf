#include "kernels/ops/layer_norm.h"

#include "kernels/cuda/norm.h"

namespace lorica {

void run(CudaBackend& cuda, const LayerNormFwd& op) {
  const bool b_f32 = op.b && op.b.dtype == Dtype::f32;
  visit_norm(op.x.dtype, op.w.dtype, [&]<class T, class W> {
    launch_norm_fwd<true>(cuda, "layer_norm_fwd",
                          device::NormFwdArguments<T, W>{.x = op.x.as<T>(),
                                                         .w = op.w.as<W>(),
                                                         .b = op.b && !b_f32 ? op.b.as<T>() : nullptr,
                                                         .b_f32 = b_f32 ? op.b.as<float>() : nullptr,
                                                         .y = op.y.as<T>(),
                                                         .mean = op.mean ? op.mean.as<float>() : nullptr,
                                                         .rstd = op.rstd ? op.rstd.as<float>() : nullptr,
                                                         .eps = op.eps,
                                                         .weight_offset = 0,
                                                         .rows = op.x.shape[0],
                                                         .d = static_cast<int>(op.x.shape[1]),
                                                         .row_threads = 0,
                                                         .vectors = false});
  });
}

void run(CudaBackend& cuda, const LayerNormBwd& op) {
  visit_norm(op.x.dtype, op.w.dtype, [&]<class T, class W> {
    launch_norm_bwd<true>(cuda, "layer_norm_bwd",
                          device::NormBwdArguments<T, W>{.dy = op.dy.as<T>(),
                                                         .x = op.x.as<T>(),
                                                         .w = op.w.as<W>(),
                                                         .mean = op.mean.as<float>(),
                                                         .rstd = op.rstd.as<float>(),
                                                         .dx = typed_grad<T>(op.dx),
                                                         .dw_partials = nullptr,
                                                         .db_partials = nullptr,
                                                         .weight_offset = 0,
                                                         .rows = op.x.shape[0],
                                                         .rows_each = 1,
                                                         .d = static_cast<int>(op.x.shape[1]),
                                                         .row_threads = 0,
                                                         .vectors = false},
                          op.dw, op.db);
  });
}

}  // namespace lorica
