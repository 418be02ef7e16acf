#pragma once
#include <cuda_runtime.h>
#ifdef LORICA_SIMT
#include <cassert>
#include <cstdint>
#include <cstring>
#include <vector>
#endif

#include "kernels/cuda/device/shared_address.cuh"

// Copies from global to shared memory that a thread starts and waits for later (cp.async). Copies form groups in the
// order of commit_copies(). Data is there for the thread itself after wait_for_copies(), for others after a barrier
// too.
namespace lorica::device {

#ifdef LORICA_SIMT
namespace host {

/// What a thread has started: a copy happens as late as it may, when the thread waits for it, so that a missing wait
/// is seen.
struct CopyQueue {
  struct Copy {
    SharedAddress to;
    const void* from;
    bool given;
  };
  std::vector<Copy> copies;
  std::vector<size_t> group_ends;
};
inline CopyQueue& copy_queue() {
  constexpr size_t kMostThreads = 1024;
  static thread_local std::vector<CopyQueue> queues(kMostThreads);
  return queues[threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)];
}

}  // namespace host
#endif

/// 16 bytes, both addresses 16-byte aligned; zeros, and nothing is read, where the source is not `given`.
__device__ __forceinline__ void copy_async(SharedAddress to_shared, const void* from, bool given) {
#ifdef LORICA_SIMT
  assert(reinterpret_cast<uintptr_t>(to_shared) % 16 == 0 && reinterpret_cast<uintptr_t>(from) % 16 == 0);
  host::copy_queue().copies.push_back({to_shared, from, given});
#else
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to_shared), "l"(from), "r"(given ? 16 : 0)
               : "memory");
#endif
}

/// Ends the group of copies that this thread has started since the last call.
__device__ __forceinline__ void commit_copies() {
#ifdef LORICA_SIMT
  host::CopyQueue& queue = host::copy_queue();
  queue.group_ends.push_back(queue.copies.size());
#else
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/// Waits until at most `kPending` of this thread's groups, the latest, are on their way.
template <int kPending>
__device__ __forceinline__ void wait_for_copies() {
#ifdef LORICA_SIMT
  host::CopyQueue& queue = host::copy_queue();
  if (queue.group_ends.size() <= kPending) return;
  const size_t groups = queue.group_ends.size() - kPending, done = queue.group_ends[groups - 1];
  for (size_t i = 0; i < done; ++i) {
    const host::CopyQueue::Copy& copy = queue.copies[i];
    if (copy.given)
      std::memcpy(const_cast<unsigned char*>(copy.to), copy.from, 16);
    else
      std::memset(const_cast<unsigned char*>(copy.to), 0, 16);
  }
  queue.copies.erase(queue.copies.begin(), queue.copies.begin() + static_cast<ptrdiff_t>(done));
  queue.group_ends.erase(queue.group_ends.begin(), queue.group_ends.begin() + static_cast<ptrdiff_t>(groups));
  for (size_t& end : queue.group_ends) end -= done;
#else
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#endif
}

}  // namespace lorica::device
