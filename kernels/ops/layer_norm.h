#pragma once
#include "kernels/context.h"

namespace lorica {

/// Layer normalisation, forward:  y = (x - mean(x)) / sqrt(var(x) + eps) * w + b
/// Shapes    x, y [rows, D];  w, b [D] f32 or x's dtype (b may be empty);  mean, rstd [rows] f32 (empty: not wanted).
/// Numerics  two passes (mean, then squared differences) in f32 in a fixed order.
/// Reference Ba, Kiros and Hinton 2016.
struct LayerNormFwd {
  In x, w, b;
  Out y, mean, rstd;
  float eps = 1e-5f;
  void check() const;
  Cost cost() const;
};

/// Layer normalisation, backward. With g = dy * w and n = (x - mean) rstd:
///     dx = rstd (g - mean(g) - n mean(g n))      dw_j = sum_rows dy_j n_j      db_j = sum_rows dy_j
/// Shapes    dy, x, dx [rows, D];  w [D];  dw, db [D] f32;  mean, rstd [rows] f32.
/// Numerics  f32 sums, dw and db partials over fixed row ranges added in a fixed order.
struct LayerNormBwd {
  In dy, x, w, mean, rstd;
  GradOut dx, dw, db;
  void check() const;
  Cost cost() const;
};

void run(CpuBackend&, const LayerNormFwd&);
void run(CudaBackend&, const LayerNormFwd&);
void run(CpuBackend&, const LayerNormBwd&);
void run(CudaBackend&, const LayerNormBwd&);

}  // namespace lorica
