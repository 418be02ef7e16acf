#pragma once
#include <cuda_runtime.h>

#include <array>
#include <cstddef>

namespace lorica {

/// Page-locked host memory in slots, through which small host buffers reach the device without stopping the host: a
/// slot is used again when the event behind its last copy is done.
class PinnedRing {
 public:
  static constexpr size_t kSlotBytes = size_t{1}
                                       << 20;  // a batch of 32k tokens with 64-bit ids and targets fits in half of it
  explicit PinnedRing(cudaStream_t stream) : stream_(stream) {}
  ~PinnedRing();
  PinnedRing(const PinnedRing&) = delete;
  PinnedRing& operator=(const PinnedRing&) = delete;

  /// Copies up to kSlotBytes to `to` in the stream's order. `from` may be reused on return; waits only while every slot
  /// is on its way.
  void upload(void* to, const void* from, size_t bytes);

 private:
  struct Slot {
    void* data = nullptr;
    cudaEvent_t copied = nullptr;
  };
  cudaStream_t stream_;
  std::array<Slot, 8> slots_{};
  size_t next_ = 0;
};

}  // namespace lorica
