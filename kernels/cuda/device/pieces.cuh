#pragma once
#include "kernels/cuda/device/scalar.cuh"
#include "kernels/tensor_view.h"

// Pieces: the few neighbouring elements that one thread works on, whole or cut off by the end of the data.
namespace lorica::device {

/// The first `count` of kN elements, the rest zero; by one access where `vectors` says that all addresses allow it.
template <int kN, class T>
__device__ __forceinline__ Vector<T, kN> load_piece(const T* from, int count, bool vectors) {
  if (vectors && count >= kN) return load_vector<kN>(from);
  Vector<T, kN> piece;
#pragma unroll
  for (int j = 0; j < kN; ++j) piece.value[j] = j < count ? from[j] : T{};
  return piece;
}

template <class T, int kN>
__device__ __forceinline__ void store_piece(T* to, const Vector<T, kN>& piece, int count, bool vectors) {
  if (vectors && count >= kN) return store_vector(to, piece);
#pragma unroll
  for (int j = 0; j < kN; ++j)
    if (j < count) to[j] = piece.value[j];
}

/// A piece in the f32 in which it is computed.
template <int kN>
struct Floats {
  float value[kN];
};

template <class T, int kN>
__device__ __forceinline__ Floats<kN> widened(const Vector<T, kN>& piece) {
  Floats<kN> result;
#pragma unroll
  for (int j = 0; j < kN; ++j) result.value[j] = to_float(piece.value[j]);
  return result;
}

template <int kN, class T>
__device__ __forceinline__ Floats<kN> load_floats(const T* from, int count, bool vectors) {
  return widened(load_piece<kN>(from, count, vectors));
}

template <class T, int kN>
__device__ __forceinline__ void store_floats(T* to, const Floats<kN>& x, int count, bool vectors) {
  Vector<T, kN> piece;
#pragma unroll
  for (int j = 0; j < kN; ++j) piece.value[j] = from_float<T>(x.value[j]);
  store_piece(to, piece, count, vectors);
}

/// A gradient as kernels take it.
template <class T>
struct Grad {
  T* data;
  GradMode mode;
};

/// Obeys the gradient's mode: nothing, write, or add.
template <class T, int kN>
__device__ __forceinline__ void put_floats(const Grad<T>& grad, int64_t at, Floats<kN> x, int count, bool vectors) {
  if (grad.mode == GradMode::kSkip) return;
  if (grad.mode == GradMode::kAdd) {
    const Floats<kN> before = load_floats<kN>(grad.data + at, count, vectors);
#pragma unroll
    for (int j = 0; j < kN; ++j) x.value[j] += before.value[j];
  }
  store_floats(grad.data + at, x, count, vectors);
}

/// Calls fn(first element, elements) for this thread's piece of n elements; see flat_shape().
template <int kN, class Fn>
__device__ __forceinline__ void for_piece(int64_t n, Fn&& fn) {
  const int64_t at = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * kN;
  if (at < n) fn(at, n - at < kN ? static_cast<int>(n - at) : kN);
}

/// Calls fn(row, item) for every item of this block's rows; see row_items_shape().
template <class Fn>
__device__ __forceinline__ void for_row_items(int64_t rows, int items, int rows_per_block, Fn&& fn) {
  const int64_t first = int64_t{blockIdx.x} * rows_per_block;
  const int here = rows - first < rows_per_block ? static_cast<int>(rows - first) : rows_per_block;
  for (int i = static_cast<int>(threadIdx.x); i < here * items; i += static_cast<int>(blockDim.x))
    fn(first + i / items, i % items);
}

}  // namespace lorica::device
