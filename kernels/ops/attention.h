#pragma once
#include "kernels/context.h"

namespace lorica {

/// Causal attention over packed documents, forward. Token t of a document sees tokens s <= t of the same document, and
/// with window > 0 only those with t - s < window:
///     S_ts = cap(scale q_t . k_s)     P = softmax_s(S)     o_t = sum_s P_ts v_s
///     cap(x) = c tanh(x / c), c = softcap
/// Head h of q uses head h / (H / Hkv) of k and v.
/// Shapes    q, o [T, H, d];  k, v [T, Hkv, d];  cu_seqlens [documents + 1] i32, from 0 to T, never falling (an
///           offset that repeats is an empty document: padding at the end);
///           lse [H, T] f32 = log sum_s exp(S_ts), kept for the backward pass (empty: not wanted).
///           longest: no document has more tokens than this (0: not known). A hint, by which scratch memory is sized.
/// Numerics  scores, softmax and accumulators f32; blocks of queries and keys, never a T x T matrix. In bf16 on
///           CUDA the matrix units take P rounded to bf16.
/// Reference Dao 2023 (FlashAttention-2).
struct AttentionFwd {
  In q, k, v, cu_seqlens;
  Out o, lse;
  float scale = 1;
  int window = 0;
  float softcap = 0;
  int64_t longest = 0;
  void check() const;
  Cost cost() const;
};

/// Causal attention, backward. Scores are recomputed block by block from q, k and lse.
///     D_t = do_t . o_t     dP = do v^T     dS = P (dP - D) cap'     dq = scale dS k     dk = scale dS^T q
///     dv = P^T do
/// Shapes    as AttentionFwd; do_ like o.
/// Numerics  f32 sums in a fixed order: no two threads add to one element. In bf16 on CUDA P and dS are
///           rounded to bf16.
struct AttentionBwd {
  In do_, q, k, v, o, lse, cu_seqlens;
  GradOut dq, dk, dv;
  float scale = 1;
  int window = 0;
  float softcap = 0;
  int64_t longest = 0;
  void check() const;
  Cost cost() const;
};

/// Attention of new tokens over a cache that already holds their keys and values: prefill and decode of generation.
/// Sequence b has kv_lens[b] tokens in the cache, the last of which are its n_b = cu_q[b+1] - cu_q[b] new ones; new
/// token i stands at position kv_lens[b] - n_b + i and sees the cache up to itself.
/// Shapes    q, o [Tq, H, d];  k_cache, v_cache [B, capacity, Hkv, d];  cu_q [B + 1] i32;  kv_lens [B] i32 <= capacity.
/// Numerics  as AttentionFwd.
struct AttentionCached {
  In q, k_cache, v_cache, cu_q, kv_lens;
  Out o;
  float scale = 1;
  int window = 0;
  float softcap = 0;
  void check() const;
  Cost cost() const;
};

/// Whether a library that the user chose (AttentionKernel) does this op, and not the kernels here.
bool library_takes(CudaBackend&, const AttentionFwd&);
bool library_takes(CudaBackend&, const AttentionBwd&);

void run(CpuBackend&, const AttentionFwd&);
void run(CudaBackend&, const AttentionFwd&);
void run(CpuBackend&, const AttentionBwd&);
void run(CudaBackend&, const AttentionBwd&);
void run(CpuBackend&, const AttentionCached&);
void run(CudaBackend&, const AttentionCached&);

}  // namespace lorica
