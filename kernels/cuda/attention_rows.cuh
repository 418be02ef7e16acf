#pragma once
#include "kernels/cuda/attention_mma.cuh"
#include "kernels/cuda/attention_plain.cuh"
#include "kernels/cuda/device/shared.cuh"
#include "kernels/cuda/launch.h"

// Attention of a tile of queries over their keys with a running softmax, for packed documents (AttentionFwd) and for a
// cache (AttentionCached). The order of work is that of FlashAttention-2: a block owns queries and walks over keys.
namespace lorica {

/// Everything about the queries and where keys and values lie; see the op's header for shapes.
template <class T>
struct RowsProblem {
  const T *q, *k, *v;
  T* o;
  float* lse;  // or null
  int tokens, heads, kv_heads, d;
  device::ScoreRule rule;

  __device__ int kv_head(int head) const { return head / (heads / kv_heads); }
  __device__ int64_t q_stride() const { return int64_t{heads} * d; }
  __device__ int64_t kv_stride() const { return int64_t{kv_heads} * d; }
  __device__ int64_t q_at(int token, int head) const { return (int64_t{token} * heads + head) * d; }
  __device__ int64_t kv_at(int row, int head) const { return (int64_t{row} * kv_heads + kv_head(head)) * d; }
};

namespace device {

template <int kWidth>
struct RowsShared {
  static constexpr AttentionTile kTile = forward_tile(kWidth);
  Tile<kTile.rows(), kWidth> q;
  Tile<kTile.columns, kWidth> k, v;
};

static_assert(sizeof(RowsShared<256>) <= kAttentionSharedLimit && sizeof(RowsShared<128>) <= kAttentionSharedLimit);

/// Running softmax of a warp's rows: the largest y so far and the lane's part of the sum of probabilities.
template <int kBlocks>
struct RunningSoftmax {
  float largest[2 * kBlocks], sum[2 * kBlocks];

  __device__ RunningSoftmax() {
#pragma unroll
    for (int r = 0; r < 2 * kBlocks; ++r) largest[r] = -INFINITY, sum[r] = 0;
  }
  /// Scores y become probabilities relative to the largest; what was summed before is scaled to match.
  template <int kColumns, int kWidth>
  __device__ __forceinline__ void add(Sums<kBlocks, kColumns>& scores, Sums<kBlocks, kWidth>& out, float factor) {
    float before[2 * kBlocks], shift[2 * kBlocks];
#pragma unroll
    for (int r = 0; r < 2 * kBlocks; ++r) before[r] = largest[r];
    scores.for_each([&](float& y, int row, int) { largest[row] = fmaxf(largest[row], y); });
#pragma unroll
    for (int r = 0; r < 2 * kBlocks; ++r) {
      for (int step = 1; step < 4; step *= 2)
        largest[r] = fmaxf(largest[r], __shfl_xor_sync(kAllLanes, largest[r], step));
      shift[r] = largest[r] == -INFINITY ? 0.0f : largest[r] * factor;
      before[r] = exp2_fast(before[r] * factor - shift[r]);
      sum[r] *= before[r];
    }
    out.for_each([&](float& x, int row, int) { x *= before[row]; });
    scores.for_each([&](float& y, int row, int) { sum[row] += y = exp2_fast(y * factor - shift[row]); });
  }
  /// The sums over whole rows.
  __device__ void finish() {
#pragma unroll
    for (int r = 0; r < 2 * kBlocks; ++r)
      for (int step = 1; step < 4; step *= 2) sum[r] += __shfl_xor_sync(kAllLanes, sum[r], step);
  }
};

/// Grid (tiles of queries, heads). While a tile of scores is made its values are on their way, while it is used the
/// next keys are.
template <int kWidth, class Keys>
__global__ void __launch_bounds__(kAttentionThreads) attention_rows_kernel(const RowsProblem<bf16> p, const Keys keys) {
  using Shared = RowsShared<kWidth>;
  constexpr AttentionTile kTile = Shared::kTile;
  constexpr int kBlocks = kTile.row_blocks, kColumns = kTile.columns;
  Shared& shared = shared_storage<Shared>();
  // the last tiles see the most keys: they start first
  const int first = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kTile.rows(), head = blockIdx.y;
  const int row = threadIdx.x / kWarp * 16 * kBlocks, rows = min(kTile.rows(), p.tokens - first);

  auto load_keys = [&](auto& tile, const bf16* all, const KeyWalk<Keys, kColumns>& walk) {
    load_tile(tile, all + p.kv_at(walk.tile.first, head), p.kv_stride(), walk.count(), p.d);
    commit_copies();
  };
  KeyWalk<Keys, kColumns> walk(keys, first, first + rows);
  load_tile(shared.q, p.q + p.q_at(first, head), p.q_stride(), rows, p.d);
  load_keys(shared.k, p.k, walk);
  const Sight<kBlocks> sight([&](int r) { return row + r < rows ? keys.keys_of(first + row + r) : Range{}; });

  Sums<kBlocks, kWidth> out;
  out.clear();
  RunningSoftmax<kBlocks> softmax;
  while (!walk.done()) {
    const int key = walk.tile.first;
    const int key_end = walk.tile.end;
    const bool seen = sight.sees(key, kColumns);
    Sums<kBlocks, kColumns> scores;
    wait_for_copies<0>();
    __syncthreads();
    load_keys(shared.v, p.v, walk);
    if (seen) multiply_transposed(scores, shared.q, row, shared.k);
    wait_for_copies<0>();
    __syncthreads();
    walk.advance();
    if (!walk.done()) load_keys(shared.k, p.k, walk);
    if (!seen) continue;
    if (p.rule.bent) scores.for_each([&](float& s, int, int) { s = p.rule.bend(s); });
    sight.mask(scores, key, key_end);
    softmax.add(scores, out, p.rule.factor);
    multiply_add(out, scores, shared.v);
  }
  softmax.finish();
  write_rows(
      out, p.d, false,
      [&](int r) { return row + own_row(r) < rows ? p.o + p.q_at(first + row + own_row(r), head) : nullptr; },
      [&](int r) { return 1.0f / softmax.sum[r]; });
  if (p.lse == nullptr || threadIdx.x % 4 != 0) return;
#pragma unroll
  for (int r = 0; r < 2 * kBlocks; ++r)
    if (row + own_row(r) < rows)
      p.lse[int64_t{head} * p.tokens + first + row + own_row(r)] =
          kLn2 * (softmax.largest[r] * p.rule.factor + log2f(softmax.sum[r]));
}

/// The same without mma: grid (tiles of queries, heads, slices of the width).
template <class T, class Keys>
__global__ void __launch_bounds__(kPlainThreads) attention_rows_plain_kernel(const RowsProblem<T> p, const Keys keys) {
  PlainShared& shared = shared_storage<PlainShared>();
  const int first = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kPlainTile, head = blockIdx.y;
  const int rows = min(kPlainTile, p.tokens - first), offset = blockIdx.z * kPlainWidth;
  const int lane = threadIdx.x % kWarp, row = threadIdx.x / kWarp * kPlainRows;
  const HeadRows<T> queries{p.q + p.q_at(first, head), p.q_stride(), rows, p.d};

  Range sight[kPlainRows];
  float largest[kPlainRows], sum[kPlainRows];
  PlainSums out;
  out.clear();
#pragma unroll
  for (int r = 0; r < kPlainRows; ++r) {
    if (row + r < rows) sight[r] = keys.keys_of(first + row + r);
    largest[r] = -INFINITY, sum[r] = 0;
  }
  for (KeyWalk<Keys, kPlainTile> walk(keys, first, first + rows); !walk.done(); walk.advance()) {
    const int64_t at = p.kv_at(walk.tile.first, head);
    float scores[kPlainRows];
    plain_products<T>(scores, shared, queries, {p.k + at, p.kv_stride(), walk.count(), p.d});
#pragma unroll
    for (int r = 0; r < kPlainRows; ++r) {
      const float y = p.rule.bent ? p.rule.bend(scores[r]) : scores[r];
      scores[r] = lane < walk.count() && sight[r].holds(walk.tile.first + lane) ? y : -INFINITY;
      const float before = largest[r];
      largest[r] = fmaxf(before, warp_max(scores[r]));
      const float shift = largest[r] == -INFINITY ? 0.0f : largest[r] * p.rule.factor;
      const float shrink = exp2_fast(before * p.rule.factor - shift);
      scores[r] = exp2_fast(scores[r] * p.rule.factor - shift);
      sum[r] = sum[r] * shrink + scores[r];
#pragma unroll
      for (float& x : out.at[r]) x *= shrink;
      shared.weights[0].at[lane][row + r] = scores[r];
    }
    plain_add<T>(out, shared, shared.weights[0], {p.v + at, p.kv_stride(), walk.count(), p.d}, offset);
  }
#pragma unroll
  for (float& x : sum) x = warp_sum(x);
  plain_write<T>(
      out, p.d, offset, false, [&](int r) { return row + r < rows ? p.o + p.q_at(first + row + r, head) : nullptr; },
      [&](int r) { return 1.0f / sum[r]; });
  if (p.lse == nullptr || offset > 0 || lane != 0) return;
#pragma unroll
  for (int r = 0; r < kPlainRows; ++r)
    if (row + r < rows)
      p.lse[int64_t{head} * p.tokens + first + row + r] = kLn2 * (largest[r] * p.rule.factor + log2f(sum[r]));
}

}  // namespace device

template <class T, class Keys>
void launch_attention_rows(CudaBackend& cuda, const char* name, const RowsProblem<T>& p, const Keys& keys) {
  const auto heads = static_cast<unsigned>(p.heads);
  if constexpr (std::is_same_v<T, bf16>) {
    if (takes_mma(Dtype::bf16, p.d))
      return visit_width(p.d, [&]<int kWidth> {
        launch_kernel(cuda, name, device::attention_rows_kernel<kWidth, Keys>,
                      {.grid = {tiles_of(p.tokens, forward_tile(kWidth).rows()), heads},
                       .block = kAttentionThreads,
                       .shared_bytes = sizeof(device::RowsShared<kWidth>)},
                      p, keys);
      });
  }
  launch_kernel(cuda, name, device::attention_rows_plain_kernel<T, Keys>,
                {.grid = {tiles_of(p.tokens, device::kPlainTile), heads, tiles_of(p.d, device::kPlainWidth)},
                 .block = device::kPlainThreads,
                 .shared_bytes = sizeof(device::PlainShared)},
                p, keys);
}

}  // namespace lorica
