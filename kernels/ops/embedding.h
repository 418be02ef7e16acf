#pragma once
#include "kernels/context.h"

namespace lorica {

/// Row lookup:  y[t] = table[ids[t]] * scale
/// Shapes    table [V, D] f32 or bf16;  ids [T] i32 in [0, V);  y [T, D] f32 or bf16 (may differ from the table's).
/// Numerics  the product is rounded once. An id out of range throws Error.
struct EmbeddingFwd {
  In table, ids;
  Out y;
  float scale = 1;
  void check() const;
  Cost cost() const;
};

/// Gradient of the table:  dtable[v] = scale * sum over t with ids[t] = v of dy[t]
/// Shapes    dy [T, D];  ids [T] i32;  dtable [V, D] f32.  kWrite zeroes the rows that no id names.
/// Numerics  the rows of one id are added in the order of t.
struct EmbeddingBwd {
  In dy, ids;
  GradOut dtable;
  float scale = 1;
  void check() const;
  Cost cost() const;
};

void run(CpuBackend&, const EmbeddingFwd&);
void run(CudaBackend&, const EmbeddingFwd&);
void run(CpuBackend&, const EmbeddingBwd&);
void run(CudaBackend&, const EmbeddingBwd&);

}  // namespace lorica
