#pragma once
#include "kernels/context.h"

namespace lorica {

/// y = a + b (the residual add);  all of one shape and dtype; y may be a or b.
struct Add {
  In a, b;
  Out y;
  void check() const;
  Cost cost() const;
};

/// Hands a gradient on:  dx (=, +=) scale * dy.   dy, dx of one shape, each f32 or bf16.
struct Accumulate {
  In dy;
  GradOut dx;
  float scale = 1;
  void check() const;
  Cost cost() const;
};

/// y = x in y's dtype (f32, bf16), rounded to nearest even.
struct Cast {
  In x;
  Out y;
  void check() const;
  Cost cost() const;
};

/// y[i] = x[rows[i]]:  x [T, D], rows [n] i32, y [n, D].
struct GatherRows {
  In x, rows;
  Out y;
  void check() const;
  Cost cost() const;
};

void run(CpuBackend&, const Add&);
void run(CudaBackend&, const Add&);
void run(CpuBackend&, const Accumulate&);
void run(CudaBackend&, const Accumulate&);
void run(CpuBackend&, const Cast&);
void run(CudaBackend&, const Cast&);
void run(CpuBackend&, const GatherRows&);
void run(CudaBackend&, const GatherRows&);

}  // namespace lorica
