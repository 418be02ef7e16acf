#pragma once
#include <cuda_runtime.h>

// Sums and maxima over a warp or a block, in a fixed order: every thread gets the same bits.
namespace lorica::device {

constexpr int kWarp = 32;
constexpr unsigned kAllLanes = 0xffffffffu;

template <class T>
__device__ __forceinline__ T warp_sum(T x) {
#pragma unroll
  for (int step = kWarp / 2; step > 0; step /= 2) x += __shfl_xor_sync(kAllLanes, x, step);
  return x;
}
template <class T>
__device__ __forceinline__ T warp_max(T x) {
#pragma unroll
  for (int step = kWarp / 2; step > 0; step /= 2) x = max(x, __shfl_xor_sync(kAllLanes, x, step));
  return x;
}

/// `slots` is shared memory of 32 values, free for reuse by another reduction only after a __syncthreads(). blockDim.x
/// is a multiple of 32, the block one-dimensional; every thread calls.
template <class T>
__device__ __forceinline__ T block_sum(T x, T* slots) {
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, warps = blockDim.x / kWarp;
  x = warp_sum(x);
  if (lane == 0) slots[warp] = x;
  __syncthreads();
  return warp_sum(lane < warps ? slots[lane] : T{});
}
template <class T>
__device__ __forceinline__ T block_max(T x, T* slots) {
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp, warps = blockDim.x / kWarp;
  x = warp_max(x);
  if (lane == 0) slots[warp] = x;
  __syncthreads();
  return warp_max(slots[lane < warps ? lane : 0]);
}

}  // namespace lorica::device
