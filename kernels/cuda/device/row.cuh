#pragma once
#include "kernels/cuda/device/pieces.cuh"
#include "kernels/cuda/device/reduce.cuh"

// Rows of a matrix that lie in the registers of a few threads of a warp, or of a block (tile::row_tile()).
namespace lorica::device {

/// One thread's part of a row of `width` elements: every threads-th piece of kN.
struct RowPart {
  int lane, threads;
  int width;  ///< 0 for a row behind the last one
  bool vectors;
};

/// Calls fn(p, first column, columns) for this thread's pieces. p numbers the first kKept of them, which the loop
/// unrolls; the others of a very wide row have p = kKept.
template <int kN, int kKept, class Fn>
__device__ __forceinline__ void for_columns(const RowPart& part, Fn&& fn) {
  const auto count = [&](int at) { return part.width - at < kN ? part.width - at : kN; };
#pragma unroll
  for (int p = 0; p < kKept; ++p) {
    const int at = (p * part.threads + part.lane) * kN;
    if (at < part.width) fn(p, at, count(at));
  }
  for (int at = (kKept * part.threads + part.lane) * kN; at < part.width; at += part.threads * kN)
    fn(kKept, at, count(at));
}

/// The first pieces of a row, loaded all at once; the rest of a very wide row is read again wherever it is needed.
template <class T, int kKept>
struct KeptRow {
  static constexpr int kN = Vector<T>::kWidth;
  Vector<T> piece[kKept] = {};

  __device__ __forceinline__ void load(const RowPart& part, const T* row) {
#pragma unroll
    for (int p = 0; p < kKept; ++p) {
      const int at = (p * part.threads + part.lane) * kN, left = part.width - at;
      piece[p] = load_piece<kN>(left > 0 ? row + at : row, left, part.vectors);
    }
  }
  __device__ __forceinline__ Floats<kN> get(int p, const RowPart& part, const T* row, int at, int count) const {
    return p < kKept ? widened(piece[p]) : load_floats<kN>(row + at, count, part.vectors);
  }
};

/// The sum over the threads of a row, for each of them. `slots` as in block_sum().
__device__ __forceinline__ float row_sum(float x, int row_threads, float* slots) {
  if (row_threads > kWarp) return block_sum(x, slots);
  for (int step = row_threads / 2; step > 0; step /= 2) x += __shfl_xor_sync(kAllLanes, x, step);
  return x;
}

}  // namespace lorica::device
