#pragma once
#include "kernels/cuda/attention_mma.cuh"
#include "kernels/cuda/attention_plain.cuh"
#include "kernels/cuda/device/shared.cuh"

// The kernels of the backward pass; attention_backward.cu says why they are two.
namespace lorica::device {

template <class T>
struct GradProblem {
  const T *dout, *q, *k, *v;
  const float *lse, *d_sums;  // [H, T]
  T *dq, *dk, *dv;            // null: not wanted
  bool adds_dq, adds_dk, adds_dv;
  int tokens, heads, kv_heads, d;
  ScoreRule rule;
  PackedKeys keys;

  __device__ int group() const { return heads / kv_heads; }
  __device__ int64_t q_stride() const { return int64_t{heads} * d; }
  __device__ int64_t kv_stride() const { return int64_t{kv_heads} * d; }
  __device__ int64_t q_at(int token, int head) const { return (int64_t{token} * heads + head) * d; }
  __device__ int64_t kv_at(int token, int kv_head) const { return (int64_t{token} * kv_heads + kv_head) * d; }
};

/// Scores and dP - D become P and dS. `lse_of(row, column)` in units of log2; what is not seen must have finite D.
template <int kBlocks, int kColumns, class LseOf>
__device__ __forceinline__ void probabilities(const ScoreRule& rule, const Sight<kBlocks>& sight, int first,
                                              Sums<kBlocks, kColumns>& scores, Sums<kBlocks, kColumns>& dp,
                                              LseOf&& lse_of) {
  if (rule.bent) {
#pragma unroll
    for (int m = 0; m < kBlocks; ++m)
#pragma unroll
      for (int n = 0; n < kColumns / 8; ++n)
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          float& y = scores.at[m][n][i];
          y = rule.bend(y);
          dp.at[m][n][i] *= rule.slope(y);
        }
  }
  sight.mask(scores, first, INT_MAX);
  scores.for_each([&](float& y, int row, int column) { y = exp2_fast(y * rule.factor - lse_of(row, column)); });
#pragma unroll
  for (int m = 0; m < kBlocks; ++m)
#pragma unroll
    for (int n = 0; n < kColumns / 8; ++n)
#pragma unroll
      for (int i = 0; i < 4; ++i) dp.at[m][n][i] *= scores.at[m][n][i];
}

template <int kWidth>
struct QueryGradShared {
  static constexpr AttentionTile kTile = backward_query_tile(kWidth);
  Tile<kTile.rows(), kWidth> q, dout;
  Tile<kTile.columns, kWidth> k[2], v[2];
};

static_assert(sizeof(QueryGradShared<256>) <= kAttentionSharedLimit &&
              sizeof(QueryGradShared<128>) <= kAttentionSharedLimit);

/// Grid (tiles of queries, heads). The next keys and values are on their way while a tile is used.
template <int kWidth>
__global__ void __launch_bounds__(kAttentionThreads) attention_dq_kernel(const GradProblem<bf16> p) {
  using Shared = QueryGradShared<kWidth>;
  constexpr AttentionTile kTile = Shared::kTile;
  constexpr int kBlocks = kTile.row_blocks, kColumns = kTile.columns;
  Shared& shared = shared_storage<Shared>();
  const int first = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kTile.rows(), head = blockIdx.y;
  const int row = threadIdx.x / kWarp * 16 * kBlocks, rows = min(kTile.rows(), p.tokens - first);

  using Walk = KeyWalk<PackedKeys, kColumns>;
  Walk walk(p.keys, first, first + rows);
  auto load_keys = [&](int stage, const Walk& at) {
    const int64_t offset = p.kv_at(at.tile.first, head / p.group());
    load_tile(shared.k[stage], p.k + offset, p.kv_stride(), at.count(), p.d);
    load_tile(shared.v[stage], p.v + offset, p.kv_stride(), at.count(), p.d);
    commit_copies();
  };
  load_tile(shared.q, p.q + p.q_at(first, head), p.q_stride(), rows, p.d);
  load_tile(shared.dout, p.dout + p.q_at(first, head), p.q_stride(), rows, p.d);
  load_keys(0, walk);

  const Sight<kBlocks> sight([&](int r) { return row + r < rows ? p.keys.keys_of(first + row + r) : Range{}; });
  float lse[2 * kBlocks], d_sums[2 * kBlocks];
#pragma unroll
  for (int r = 0; r < 2 * kBlocks; ++r) {
    const int64_t at = int64_t{head} * p.tokens + first + row + own_row(r);
    const bool given = row + own_row(r) < rows;
    lse[r] = given ? p.lse[at] * kLog2e : 0.0f;
    d_sums[r] = given ? p.d_sums[at] : 0.0f;
  }
  Sums<kBlocks, kWidth> dq;
  dq.clear();
  for (int stage = 0; !walk.done(); stage ^= 1) {
    const int key = walk.tile.first;
    wait_for_copies<0>();
    __syncthreads();
    walk.advance();
    if (!walk.done()) load_keys(stage ^ 1, walk);
    if (!sight.sees(key, kColumns)) continue;
    Sums<kBlocks, kColumns> scores, dp;
    multiply_transposed(scores, shared.q, row, shared.k[stage]);
    multiply_transposed(dp, shared.dout, row, shared.v[stage]);
    dp.for_each([&](float& x, int r, int) { x -= d_sums[r]; });
    probabilities(p.rule, sight, key, scores, dp, [&](int r, int) { return lse[r]; });
    multiply_add(dq, dp, shared.k[stage]);
  }
  write_rows(
      dq, p.d, p.adds_dq,
      [&](int r) { return row + own_row(r) < rows ? p.dq + p.q_at(first + row + own_row(r), head) : nullptr; },
      [&](int) { return p.rule.scale; });
}

template <int kWidth>
struct KeyGradShared {
  static constexpr AttentionTile kTile = backward_key_tile(kWidth);
  Tile<kTile.rows(), kWidth> k, v;
  Tile<kTile.columns, kWidth> q[2], dout[2];
  float lse[2][kTile.columns], d_sums[2][kTile.columns];
};

static_assert(sizeof(KeyGradShared<256>) <= kAttentionSharedLimit &&
              sizeof(KeyGradShared<128>) <= kAttentionSharedLimit);

/// The tiles of queries that keys [first, end) of a key/value head are seen by, head of the group by head.
template <int kStep>
struct QueryWalk {
  Range queries;
  int head, end_head, first;

  __device__ bool done() const { return head == end_head; }
  __device__ int count() const { return min(kStep, queries.end - first); }
  __device__ void advance() {
    first += kStep;
    if (first >= queries.end) first = queries.first, ++head;
  }
};

/// Grid (tiles of keys, key/value heads). Scores are made transposed, so that P and dS are left operands as they stand.
template <int kWidth, bool kDk, bool kDv>
__global__ void __launch_bounds__(kAttentionThreads) attention_dk_dv_kernel(const GradProblem<bf16> p) {
  using Shared = KeyGradShared<kWidth>;
  constexpr AttentionTile kTile = Shared::kTile;
  constexpr int kBlocks = kTile.row_blocks, kColumns = kTile.columns;
  Shared& shared = shared_storage<Shared>();
  // the first keys are seen by the most queries
  const int first = static_cast<int>(blockIdx.x) * kTile.rows(), kv_head = blockIdx.y;
  const int row = threadIdx.x / kWarp * 16 * kBlocks, rows = min(kTile.rows(), p.tokens - first);

  using Walk = QueryWalk<kColumns>;
  Walk walk{.queries = {first, p.keys.queries_of(first + rows - 1).end},
            .head = kv_head * p.group(),
            .end_head = (kv_head + 1) * p.group(),
            .first = first};
  auto load_queries = [&](int stage, const Walk& at) {
    const int64_t offset = p.q_at(at.first, at.head);
    load_tile(shared.q[stage], p.q + offset, p.q_stride(), at.count(), p.d);
    load_tile(shared.dout[stage], p.dout + offset, p.q_stride(), at.count(), p.d);
    commit_copies();
    if (threadIdx.x < kColumns) {
      const int i = threadIdx.x;
      const int64_t token = int64_t{at.head} * p.tokens + at.first + i;
      shared.lse[stage][i] = i < at.count() ? p.lse[token] * kLog2e : 0.0f;
      shared.d_sums[stage][i] = i < at.count() ? p.d_sums[token] : 0.0f;
    }
  };
  load_tile(shared.k, p.k + p.kv_at(first, kv_head), p.kv_stride(), rows, p.d);
  load_tile(shared.v, p.v + p.kv_at(first, kv_head), p.kv_stride(), rows, p.d);
  load_queries(0, walk);

  const Sight<kBlocks> sight([&](int r) { return row + r < rows ? p.keys.queries_of(first + row + r) : Range{}; });
  Sums<kBlocks, kDk ? kWidth : 8> dk;
  Sums<kBlocks, kDv ? kWidth : 8> dv;
  dk.clear(), dv.clear();
  for (int stage = 0; !walk.done(); stage ^= 1) {
    const int query = walk.first;
    wait_for_copies<0>();
    __syncthreads();
    walk.advance();
    if (!walk.done()) load_queries(stage ^ 1, walk);
    if (!sight.sees(query, kColumns)) continue;
    Sums<kBlocks, kColumns> scores, dp;
    multiply_transposed(scores, shared.k, row, shared.q[stage]);
    if constexpr (kDk) {
      multiply_transposed(dp, shared.v, row, shared.dout[stage]);
      dp.for_each([&](float& x, int, int column) { x -= shared.d_sums[stage][column]; });
    } else {
      dp.clear();
    }
    probabilities(p.rule, sight, query, scores, dp, [&](int, int column) { return shared.lse[stage][column]; });
    if constexpr (kDv) multiply_add(dv, scores, shared.dout[stage]);
    if constexpr (kDk) multiply_add(dk, dp, shared.q[stage]);
  }
  auto write = [&](auto& sums, bf16* to, bool adds, float factor) {
    if (to == nullptr) return;
    write_rows(
        sums, p.d, adds,
        [&](int r) { return row + own_row(r) < rows ? to + p.kv_at(first + row + own_row(r), kv_head) : nullptr; },
        [&](int) { return factor; });
  };
  if constexpr (kDk) write(dk, p.dk, p.adds_dk, p.rule.scale);
  if constexpr (kDv) write(dv, p.dv, p.adds_dv, 1.0f);
}

/// Both without mma, for f32 and any width. Rows are keys (dk, dv; columns the queries of all heads of the group) or
/// queries (dq; columns keys). Grid (tiles of rows, heads of rows, slices of the width).
template <class T, bool kRowsAreKeys>
__global__ void __launch_bounds__(kPlainThreads) attention_grad_plain_kernel(const GradProblem<T> p) {
  PlainShared& shared = shared_storage<PlainShared>();
  const int first = (kRowsAreKeys ? blockIdx.x : gridDim.x - 1 - blockIdx.x) * kPlainTile, row_head = blockIdx.y;
  const int rows = min(kPlainTile, p.tokens - first), offset = blockIdx.z * kPlainWidth;
  const int lane = threadIdx.x % kWarp, row = threadIdx.x / kWarp * kPlainRows;

  const int64_t row_at = kRowsAreKeys ? p.kv_at(first, row_head) : p.q_at(first, row_head);
  const int64_t row_stride = kRowsAreKeys ? p.kv_stride() : p.q_stride();
  const HeadRows<T> score_rows{(kRowsAreKeys ? p.k : p.q) + row_at, row_stride, rows, p.d};
  const HeadRows<T> dp_rows{(kRowsAreKeys ? p.v : p.dout) + row_at, row_stride, rows, p.d};
  const int64_t column_stride = kRowsAreKeys ? p.q_stride() : p.kv_stride();
  const int first_head = kRowsAreKeys ? row_head * p.group() : row_head / p.group();
  const int end_head = first_head + (kRowsAreKeys ? p.group() : 1);
  auto range_of = [&](int i) { return kRowsAreKeys ? p.keys.queries_of(i) : p.keys.keys_of(i); };
  const Range range{range_of(first).first, range_of(first + rows - 1).end};

  Range sight[kPlainRows];
#pragma unroll
  for (int r = 0; r < kPlainRows; ++r)
    if (row + r < rows) sight[r] = range_of(first + row + r);
  PlainSums ds_sums, p_sums;  // dq or dk; dv
  ds_sums.clear(), p_sums.clear();
  for (int head = first_head; head < end_head; ++head)
    for (int at = range.first; at < range.end; at += kPlainTile) {
      const int64_t column_at = kRowsAreKeys ? p.q_at(at, head) : p.kv_at(at, head);
      const int count = min(kPlainTile, range.end - at);
      const HeadRows<T> score_columns{(kRowsAreKeys ? p.q : p.k) + column_at, column_stride, count, p.d};
      const HeadRows<T> dp_columns{(kRowsAreKeys ? p.dout : p.v) + column_at, column_stride, count, p.d};
      float scores[kPlainRows], dp[kPlainRows];
      plain_products<T>(scores, shared, score_rows, score_columns);
      plain_products<T>(dp, shared, dp_rows, dp_columns);
#pragma unroll
      for (int r = 0; r < kPlainRows; ++r) {
        float probability = 0, slope = 1;
        if (sight[r].holds(at + lane)) {
          const int64_t query =
              kRowsAreKeys ? int64_t{head} * p.tokens + at + lane : int64_t{row_head} * p.tokens + first + row + r;
          const float y = p.rule.bent ? p.rule.bend(scores[r]) : scores[r];
          if (p.rule.bent) slope = p.rule.slope(y);
          probability = exp2_fast(y * p.rule.factor - p.lse[query] * kLog2e);
          dp[r] -= p.d_sums[query];
        }
        shared.weights[0].at[lane][row + r] = probability * dp[r] * slope;
        shared.weights[1].at[lane][row + r] = probability;
      }
      plain_add<T>(ds_sums, shared, shared.weights[0], score_columns, offset);
      if constexpr (kRowsAreKeys) plain_add<T>(p_sums, shared, shared.weights[1], dp_columns, offset);
    }
  auto write = [&](const PlainSums& sums, T* to, bool adds, float factor) {
    if (to == nullptr) return;
    plain_write<T>(
        sums, p.d, offset, adds, [&](int r) { return row + r < rows ? to + row_at + (row + r) * row_stride : nullptr; },
        [&](int) { return factor; });
  };
  write(ds_sums, kRowsAreKeys ? p.dk : p.dq, kRowsAreKeys ? p.adds_dk : p.adds_dq, p.rule.scale);
  if constexpr (kRowsAreKeys) write(p_sums, p.dv, p.adds_dv, 1.0f);
}

}  // namespace lorica::device
