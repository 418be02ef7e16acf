#pragma once
#include <cuda_runtime.h>
#ifndef LORICA_SIMT
#include <cuda_bf16.h>
#endif

#include "kernels/dtype.h"

// Conversions between storage (float, lorica::bf16) and the f32 in which everything is computed, and 16-byte accesses.
namespace lorica::device {

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(bf16 x) { return __uint_as_float(static_cast<unsigned>(x.bits) << 16); }

/// Rounds to nearest even; NaN stays NaN.
template <class T>
__device__ __forceinline__ T from_float(float x) {
  if constexpr (sizeof(T) == sizeof(float)) {
    return x;
  } else {
    bf16 result;
#ifdef LORICA_SIMT
    result = bf16(x);
#else
    result.bits = __bfloat16_as_ushort(__float2bfloat16_rn(x));
#endif
    return result;
  }
}

/// kCount neighbouring elements, 16 bytes unless said otherwise, moved by one instruction (two, above 16 bytes) from or
/// to an address that is a multiple of their size.
template <class T, int kCount = 16 / sizeof(T)>
struct alignas(kCount * sizeof(T)) Vector {
  static constexpr int kWidth = kCount;
  T value[kCount];
};
template <int kCount, class T>
__device__ __forceinline__ Vector<T, kCount> load_vector(const T* from) {
  return *reinterpret_cast<const Vector<T, kCount>*>(from);
}
template <class T>
__device__ __forceinline__ Vector<T> load_vector(const T* from) {
  return load_vector<Vector<T>::kWidth>(from);
}
template <class T, int kCount>
__device__ __forceinline__ void store_vector(T* to, const Vector<T, kCount>& vector) {
  *reinterpret_cast<Vector<T, kCount>*>(to) = vector;
}

/// Writes, or adds to what is there.
template <bool kAdding, class T>
__device__ __forceinline__ void put(T* to, float value) {
  *to = from_float<T>(kAdding ? to_float(*to) + value : value);
}

}  // namespace lorica::device
