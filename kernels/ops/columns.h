#pragma once
#include "kernels/context.h"

namespace lorica {

/// Moves columns between matrices:  y[t, y_begin + j] (=, +=) x[t, x_begin + j],  j < columns
/// Splits a fused q, k, v or gate, up projection, and joins its gradients.
/// Shapes    x [T, Nx], y [T, Ny] of one dtype (a tensor of more dimensions counts as [first, rest]).
struct CopyColumns {
  In x;
  Out y;
  int64_t x_begin = 0, y_begin = 0, columns = 0;
  bool add = false;
  bool clear_rest = false;  ///< also zeroes the columns of y that are not written
  void check() const;
  Cost cost() const;
};

/// Appends the keys (or values) of new tokens to the cache of AttentionCached: the n_b new rows of sequence b go to
/// cache rows kv_lens[b] - n_b ...
/// Shapes    x [Tq, Hkv, d];  cache [B, capacity, Hkv, d] of x's dtype;  cu_q [B + 1] i32;  kv_lens [B] i32.
struct CacheAppend {
  In x, cu_q, kv_lens;
  Out cache;
  void check() const;
  Cost cost() const;
};

void run(CpuBackend&, const CopyColumns&);
void run(CudaBackend&, const CopyColumns&);
void run(CpuBackend&, const CacheAppend&);
void run(CudaBackend&, const CacheAppend&);

}  // namespace lorica
