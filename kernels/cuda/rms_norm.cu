#include "kernels/ops/rms_norm.h"

#include "kernels/cuda/norm.h"

namespace lorica {

void run(CudaBackend& cuda, const RmsNormFwd& op) {
  visit_norm(op.x.dtype, op.w.dtype, [&]<class T, class W> {
    launch_norm_fwd<false>(cuda, "rms_norm_fwd",
                           device::NormFwdArguments<T, W>{.x = op.x.as<T>(),
                                                          .w = op.w.as<W>(),
                                                          .b = nullptr,
                                                          .b_f32 = nullptr,
                                                          .y = op.y.as<T>(),
                                                          .mean = nullptr,
                                                          .rstd = op.rstd ? op.rstd.as<float>() : nullptr,
                                                          .eps = op.eps,
                                                          .weight_offset = op.weight_offset,
                                                          .rows = op.x.shape[0],
                                                          .d = static_cast<int>(op.x.shape[1]),
                                                          .row_threads = 0,
                                                          .vectors = false});
  });
}

void run(CudaBackend& cuda, const RmsNormBwd& op) {
  visit_norm(op.x.dtype, op.w.dtype, [&]<class T, class W> {
    launch_norm_bwd<false>(cuda, "rms_norm_bwd",
                           device::NormBwdArguments<T, W>{.dy = op.dy.as<T>(),
                                                          .x = op.x.as<T>(),
                                                          .w = op.w.as<W>(),
                                                          .mean = nullptr,
                                                          .rstd = op.rstd.as<float>(),
                                                          .dx = typed_grad<T>(op.dx),
                                                          .dw_partials = nullptr,
                                                          .db_partials = nullptr,
                                                          .weight_offset = op.weight_offset,
                                                          .rows = op.x.shape[0],
                                                          .rows_each = 1,
                                                          .d = static_cast<int>(op.x.shape[1]),
                                                          .row_threads = 0,
                                                          .vectors = false},
                           op.dw, {});
  });
}

}  // namespace lorica
