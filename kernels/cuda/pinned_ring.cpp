#include "kernels/cuda/pinned_ring.h"

#include <cassert>
#include <cstring>

#include "kernels/cuda/backend.h"

namespace lorica {

PinnedRing::~PinnedRing() {
  for (const Slot& slot : slots_) {
    if (slot.copied) cudaEventDestroy(slot.copied);
    if (slot.data) cudaFreeHost(slot.data);
  }
}

void PinnedRing::upload(void* to, const void* from, size_t bytes) {
  assert(bytes <= kSlotBytes);
  Slot& slot = slots_[next_];
  next_ = (next_ + 1) % slots_.size();
  if (!slot.data) {
    check_cuda(cudaMallocHost(&slot.data, kSlotBytes), "pinned memory");
    check_cuda(cudaEventCreateWithFlags(&slot.copied, cudaEventDisableTiming), "event");
  } else {
    check_cuda(cudaEventSynchronize(slot.copied), "copy to the GPU");
  }
  std::memcpy(slot.data, from, bytes);
  check_cuda(cudaMemcpyAsync(to, slot.data, bytes, cudaMemcpyHostToDevice, stream_), "copy to the GPU");
  check_cuda(cudaEventRecord(slot.copied, stream_), "copy to the GPU");
}

}  // namespace lorica
