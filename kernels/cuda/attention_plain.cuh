#pragma once
#include "kernels/cuda/attention_score.cuh"
#include "kernels/cuda/device/reduce.cuh"

// Tiles of the attention kernels for f32 and for head widths that mma does not take: any d, f32 throughout.
namespace lorica::device {

constexpr int kPlainTile = 32;  // rows and columns of a tile, and elements of d in shared memory at a time
constexpr int kPlainRows = 4;   // rows of a warp; a lane owns a column of their scores
constexpr int kPlainThreads = kPlainTile / kPlainRows * kWarp;
constexpr int kPlainWidth = 256;  // output columns of a block, kept in registers; wider heads take more blocks
constexpr int kPlainChunks = kPlainWidth / kPlainTile;

/// Rows stored transposed, so that a warp reads an element of its four rows as one vector.
struct alignas(16) PlainRows {
  float at[kPlainTile][kPlainTile + 4];
};
/// Padded against bank conflicts of lanes that read down a column.
struct PlainColumns {
  float at[kPlainTile][kPlainTile + 1];
};
struct PlainShared {
  PlainRows rows, weights[2];
  PlainColumns columns;
};

/// Rows of one head: element i of row r is data[r * stride + i].
template <class T>
struct HeadRows {
  const T* data;
  int64_t stride;
  int count;  // rows that may be read
  int d;

  __device__ float at(int row, int i) const { return row < count && i < d ? to_float(data[row * stride + i]) : 0.0f; }
};

/// s[r] = a_(4 warp + r) . b_lane. The whole block calls.
template <class T>
__device__ void plain_products(float (&s)[kPlainRows], PlainShared& shared, const HeadRows<T>& a,
                               const HeadRows<T>& b) {
  const int lane = threadIdx.x % kWarp, row = threadIdx.x / kWarp * kPlainRows;
#pragma unroll
  for (float& x : s) x = 0;
  for (int c = 0; c < a.d; c += kPlainTile) {
    __syncthreads();
    for (int r = threadIdx.x / kPlainTile; r < kPlainTile; r += kPlainThreads / kPlainTile) {
      shared.rows.at[lane][r] = a.at(r, c + lane);
      shared.columns.at[r][lane] = b.at(r, c + lane);
    }
    __syncthreads();
#pragma unroll 8
    for (int i = 0; i < kPlainTile; ++i) {
      const Vector<float> left = load_vector(&shared.rows.at[i][row]);
      const float right = shared.columns.at[lane][i];
#pragma unroll
      for (int r = 0; r < kPlainRows; ++r) s[r] += left.value[r] * right;
    }
  }
}

/// A warp's four rows of output: columns offset + 32 chunk + lane.
struct PlainSums {
  float at[kPlainRows][kPlainChunks];

  __device__ void clear() {
#pragma unroll
    for (auto& row : at)
#pragma unroll
      for (float& x : row) x = 0;
  }
};

/// sums += weights b, where weights.at[column][row]. The whole block calls.
template <class T>
__device__ void plain_add(PlainSums& sums, PlainShared& shared, const PlainRows& weights, const HeadRows<T>& b,
                          int offset) {
  const int lane = threadIdx.x % kWarp, row = threadIdx.x / kWarp * kPlainRows;
#pragma unroll
  for (int chunk = 0; chunk < kPlainChunks; ++chunk) {
    const int c = offset + chunk * kPlainTile;
    if (c >= b.d) break;
    __syncthreads();
    for (int r = threadIdx.x / kPlainTile; r < kPlainTile; r += kPlainThreads / kPlainTile)
      shared.columns.at[r][lane] = b.at(r, c + lane);
    __syncthreads();
#pragma unroll 8
    for (int j = 0; j < kPlainTile; ++j) {
      const Vector<float> weight = load_vector(&weights.at[j][row]);
      const float right = shared.columns.at[j][lane];
#pragma unroll
      for (int r = 0; r < kPlainRows; ++r) sums.at[r][chunk] += weight.value[r] * right;
    }
  }
}

/// Writes (or adds) factor_of(r) * sums to the rows at row_of(r), where it is not null.
template <class T, class RowOf, class FactorOf>
__device__ void plain_write(const PlainSums& sums, int d, int offset, bool adding, RowOf&& row_of,
                            FactorOf&& factor_of) {
#pragma unroll
  for (int r = 0; r < kPlainRows; ++r) {
    T* const row = row_of(r);
    if (row == nullptr) continue;
#pragma unroll
    for (int chunk = 0; chunk < kPlainChunks; ++chunk) {
      const int c = offset + chunk * kPlainTile + static_cast<int>(threadIdx.x % kWarp);
      if (c >= d) break;
      const float value = factor_of(r) * sums.at[r][chunk];
      if (adding)
        put<true>(row + c, value);
      else
        put<false>(row + c, value);
    }
  }
}

}  // namespace lorica::device
