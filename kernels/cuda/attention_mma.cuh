#pragma once
#include "kernels/cuda/attention_score.cuh"
#include "kernels/cuda/attention_tile.h"
#include "kernels/cuda/device/async_copy.cuh"
#include "kernels/cuda/device/mma.cuh"
#include "kernels/cuda/device/reduce.cuh"

// Tiles of bf16 in shared memory and their products in registers, for the attention kernels.
namespace lorica::device {

/// kRows rows of kWidth elements in chunks of 16 bytes. The chunks of a row are permuted by its number, so that the
/// same chunk of eight rows in sequence, which ldmatrix reads at once, lies in eight different groups of banks.
template <int kRows, int kWidth>
struct alignas(16) Tile {
  static_assert(kWidth % 32 == 0);
  bf16 data[kRows * kWidth];

  /// What the number of a chunk is xor-ed with.
  static __device__ __forceinline__ int key(int row) { return kWidth % 64 == 0 ? row & 7 : row >> 1 & 3; }
  __device__ __forceinline__ SharedAddress chunk(int row, int c) {
    return shared_address(data) + 2 * row * kWidth + 16 * (c ^ key(row));
  }
};

/// A lane's row and one of two neighbouring chunks (`odd`: the second) of a tile, from which it reaches the same place
/// in other rows and chunks at the cost of one xor.
template <int kWidth>
struct LaneChunks {
  SharedAddress row_begin;
  int mixed;

  template <int kRows>
  __device__ LaneChunks(Tile<kRows, kWidth>& tile, int row, int odd)
      : row_begin(shared_address(tile.data) + 2 * row * kWidth), mixed(16 * (odd ^ tile.key(row))) {}
  /// `more_rows` a multiple of 8, c even; both known to the compiler.
  __device__ __forceinline__ SharedAddress at(int more_rows, int c) const {
    return row_begin + (16 * c ^ mixed) + 2 * more_rows * kWidth;
  }
};

/// Starts to load `given` rows of d elements (a multiple of 8); the rest of the tile becomes zeros. The whole block
/// calls.
template <int kRows, int kWidth>
__device__ __forceinline__ void load_tile(Tile<kRows, kWidth>& tile, const bf16* rows, int64_t stride, int given,
                                          int d) {
  constexpr int kChunks = kWidth / 8, kStep = kAttentionThreads / kChunks;  // rows at a time
  const int first = static_cast<int>(threadIdx.x) / kChunks, c = static_cast<int>(threadIdx.x) % kChunks;
  if (first >= kStep) return;
  const bf16* from = rows + first * stride + 8 * c;
#pragma unroll
  for (int i = 0; i < (kRows + kStep - 1) / kStep; ++i) {
    const int row = first + i * kStep;
    if (kRows % kStep != 0 && row >= kRows) break;
    const bool is_given = row < given && 8 * c < d;
    copy_async(tile.chunk(row, c), is_given ? from : rows, is_given);
    from += kStep * stride;
  }
}

/// A warp's [16 kBlocks, kColumns] sums in the layout of mma's C. Lane l holds in at[m][n][i] the element of row
/// 16 m + l / 4 + 8 (i / 2) and column 8 n + 2 (l % 4) + i % 2.
template <int kBlocks, int kColumns>
struct Sums {
  float at[kBlocks][kColumns / 8][4];

  __device__ void clear() {
    for_each([](float& x, int, int) { x = 0; });
  }
  /// fn(value, row, column), the row counted among the lane's own 2 kBlocks, the column as in the tile.
  template <class Fn>
  __device__ __forceinline__ void for_each(Fn&& fn) {
    const int column = 2 * static_cast<int>(threadIdx.x % 4);
#pragma unroll
    for (int m = 0; m < kBlocks; ++m)
#pragma unroll
      for (int n = 0; n < kColumns / 8; ++n)
#pragma unroll
        for (int i = 0; i < 4; ++i) fn(at[m][n][i], 2 * m + i / 2, 8 * n + column + i % 2);
  }
};
/// The row within the warp's rows that is number r of the lane's own.
__device__ __forceinline__ int own_row(int r) { return 8 * r + static_cast<int>(threadIdx.x % kWarp) / 4; }

/// sums = a b^T for the rows of `a` from `row` on.
template <int kBlocks, int kColumns, int kRows, int kWidth>
__device__ __forceinline__ void multiply_transposed(Sums<kBlocks, kColumns>& sums, Tile<kRows, kWidth>& a, int row,
                                                    Tile<kColumns, kWidth>& b) {
  const int lane = threadIdx.x % kWarp;
  const LaneChunks<kWidth> left_lane(a, row + lane % 16, lane / 16);
  const LaneChunks<kWidth> right_lane(b, lane % 8 + lane / 16 * 8, lane / 8 % 2);
  sums.clear();
#pragma unroll
  for (int c = 0; c < kWidth / 8; c += 2) {
    uint32_t left[kBlocks][4];
#pragma unroll
    for (int m = 0; m < kBlocks; ++m) load_matrices(left[m], left_lane.at(16 * m, c));
#pragma unroll
    for (int n = 0; n < kColumns / 8; n += 2) {
      uint32_t right[4];
      load_matrices(right, right_lane.at(8 * n, c));
#pragma unroll
      for (int m = 0; m < kBlocks; ++m) {
        multiply_add_16x8x16(sums.at[m][n], left[m], right[0], right[1]);
        multiply_add_16x8x16(sums.at[m][n + 1], left[m], right[2], right[3]);
      }
    }
  }
}

/// sums += p b, with p rounded to bf16: C's layout of 16 columns is that of A.
template <int kBlocks, int kColumns, int kWidth>
__device__ __forceinline__ void multiply_add(Sums<kBlocks, kWidth>& sums, const Sums<kBlocks, kColumns>& p,
                                             Tile<kColumns, kWidth>& b) {
  const int lane = threadIdx.x % kWarp;
  const LaneChunks<kWidth> right_lane(b, lane % 16, lane / 16);
#pragma unroll
  for (int k = 0; k < kColumns / 16; ++k) {
    uint32_t left[kBlocks][4];
#pragma unroll
    for (int m = 0; m < kBlocks; ++m)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float* pair = p.at[m][2 * k + i / 2] + i % 2 * 2;
        left[m][i] = pack_bf16(pair[0], pair[1]);
      }
#pragma unroll
    for (int c = 0; c < kWidth / 8; c += 2) {
      uint32_t right[4];
      load_matrices_transposed(right, right_lane.at(16 * k, c));
#pragma unroll
      for (int m = 0; m < kBlocks; ++m) {
        multiply_add_16x8x16(sums.at[m][c], left[m], right[0], right[1]);
        multiply_add_16x8x16(sums.at[m][c + 1], left[m], right[2], right[3]);
      }
    }
  }
}

/// Who sees what among a warp's rows: the ranges of the lane's own rows and those of the warp's outer ones.
template <int kBlocks>
struct Sight {
  Range own[2 * kBlocks];
  Range any, all;  // columns that some row sees, that every row sees

  /// range_of(row) of the warp's rows; rows rise with it.
  template <class RangeOf>
  __device__ explicit Sight(RangeOf&& range_of) {
#pragma unroll
    for (int r = 0; r < 2 * kBlocks; ++r) own[r] = range_of(own_row(r));
    all = {__shfl_sync(kAllLanes, own[2 * kBlocks - 1].first, kWarp - 1), __shfl_sync(kAllLanes, own[0].end, 0)};
    int end = own[0].end;
#pragma unroll
    for (int r = 1; r < 2 * kBlocks; ++r) end = max(end, own[r].end);  // rows behind the last see nothing
    for (int step = 4; step < kWarp; step *= 2) end = max(end, __shfl_xor_sync(kAllLanes, end, step));
    any = {__shfl_sync(kAllLanes, own[0].first, 0), end};
  }
  __device__ bool sees(int first, int columns) const { return first < any.end && first + columns > any.first; }
  /// Scores of columns first.. that a row does not see, or from `end` on, become -infinity.
  template <int kColumns>
  __device__ __forceinline__ void mask(Sums<kBlocks, kColumns>& scores, int first, int end) const {
    if (first >= all.first && first + kColumns <= min(all.end, end)) return;
    scores.for_each([&](float& x, int row, int column) {
      if (!own[row].holds(first + column) || first + column >= end) x = -INFINITY;
    });
  }
};

/// Writes (or adds) factor * sums to rows of `to` for which is_row(r), r among the lane's own.
template <int kBlocks, int kWidth, class RowOf, class FactorOf>
__device__ __forceinline__ void write_rows(const Sums<kBlocks, kWidth>& sums, int d, bool adding, RowOf&& row_of,
                                           FactorOf&& factor_of) {
  const int column = 2 * static_cast<int>(threadIdx.x % 4);
#pragma unroll
  for (int r = 0; r < 2 * kBlocks; ++r) {
    bf16* const row = row_of(r);
    if (row == nullptr) continue;
    const float factor = factor_of(r);
#pragma unroll
    for (int n = 0; n < kWidth / 8; ++n) {
      if (8 * n >= d) break;
      auto* const to = reinterpret_cast<uint32_t*>(row + 8 * n + column);
      const float* pair = sums.at[r / 2][n] + r % 2 * 2;
      float low = factor * pair[0], high = factor * pair[1];
      if (adding) {
        const uint32_t old = *to;
        low += __uint_as_float(old << 16), high += __uint_as_float(old & 0xffff0000u);
      }
      *to = pack_bf16(low, high);
    }
  }
}

}  // namespace lorica::device
