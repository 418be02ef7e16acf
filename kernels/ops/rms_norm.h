#pragma once
#include "kernels/context.h"

namespace lorica {

/// RMS normalisation, forward:  y = x / sqrt(mean(x^2) + eps) * (w + weight_offset)
/// Shapes    x, y [rows, D];  w [D] f32 or x's dtype;  rstd [rows] f32, kept for the backward pass (empty: not wanted).
/// Numerics  sums in f32 in a fixed order: a rerun agrees bit for bit.
/// Reference Zhang and Sennrich 2019; weight_offset = 1 is Gemma's form.
struct RmsNormFwd {
  In x, w;
  Out y, rstd;
  float eps = 1e-6f;
  float weight_offset = 0;
  void check() const;
  Cost cost() const;
};

/// RMS normalisation, backward. With g = dy * (w + weight_offset) and D the row length:
///     dx_i = rstd g_i - x_i rstd^3 / D  sum_j g_j x_j          dw_j = sum_rows dy_j x_j rstd
/// Shapes    dy, x, dx [rows, D];  w, dw [D] (dw f32);  rstd [rows] f32, saved by RmsNormFwd.
/// Numerics  f32 sums, dw partials over fixed row ranges added in a fixed order.
struct RmsNormBwd {
  In dy, x, w, rstd;
  GradOut dx, dw;
  float weight_offset = 0;
  void check() const;
  Cost cost() const;
};

void run(CpuBackend&, const RmsNormFwd&);
void run(CudaBackend&, const RmsNormFwd&);
void run(CpuBackend&, const RmsNormBwd&);
void run(CudaBackend&, const RmsNormBwd&);

}  // namespace lorica
