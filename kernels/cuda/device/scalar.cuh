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

/// 16 bytes of T, moved by one instruction from or to a 16-byte aligned address.
template <class T>
struct alignas(16) Vector {
  static constexpr int kWidth = 16 / sizeof(T);
  T value[kWidth];
};
template <class T>
__device__ __forceinline__ Vector<T> load_vector(const T* from) {
  return *reinterpret_cast<const Vector<T>*>(from);
}
template <class T>
__device__ __forceinline__ void store_vector(T* to, const Vector<T>& vector) {
  *reinterpret_cast<Vector<T>*>(to) = vector;
}

/// Writes, or adds to what is there.
template <bool kAdding, class T>
__device__ __forceinline__ void put(T* to, float value) {
  *to = from_float<T>(kAdding ? to_float(*to) + value : value);
}

}  // namespace lorica::device
