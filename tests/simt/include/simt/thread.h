#pragma once
#include <cstddef>
#include <source_location>

#include "simt/vector_types.h"

// What a CUDA thread knows of itself, its block's barrier and its block's shared memory.
#define __global__
#define __device__
#define __host__
#define __grid_constant__
#define __forceinline__ inline
#define __align__(bytes) alignas(bytes)
#define __launch_bounds__(...)

// The executor sets these whenever it resumes a thread.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
inline constexpr int warpSize = 32;

namespace simt {

using Place = std::source_location;

/// The block's dynamic shared memory, 1024-byte aligned. Reports a fault where the launch gave less than `bytes`.
void* shared_memory(size_t bytes);

/// Meets all threads of the block that have not ended; `vote` is added up over them.
int block_barrier(int vote, const char* what, const Place& place);

/// Ends the launch: the host sees cudaErrorLaunchFailure, whose text is `message` with kernel, block and thread.
[[noreturn]] void fault(const char* message, const Place& place);

}  // namespace simt

inline void __syncthreads(simt::Place place = simt::Place::current()) {
  simt::block_barrier(0, "__syncthreads", place);
}
inline int __syncthreads_count(int predicate, simt::Place place = simt::Place::current()) {
  return simt::block_barrier(predicate != 0, "__syncthreads_count", place);
}
inline int __syncthreads_or(int predicate, simt::Place place = simt::Place::current()) {
  return simt::block_barrier(predicate != 0, "__syncthreads_or", place) > 0;
}
inline int __syncthreads_and(int predicate, simt::Place place = simt::Place::current()) {
  return simt::block_barrier(predicate == 0, "__syncthreads_and", place) == 0;
}
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
inline void __nanosleep(unsigned) {}
[[noreturn]] inline void __trap(simt::Place place = simt::Place::current()) { simt::fault("__trap", place); }
