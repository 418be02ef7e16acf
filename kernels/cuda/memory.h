#pragma once
#include "kernels/cuda/pinned_ring.h"
#include "kernels/memory.h"

namespace lorica {

class CudaBackend;

/// The GPU's memory; copies and clears are ordered with the backend's stream. Small copies in return at once, through
/// pinned memory. While a graph is recorded, whatever needs the host throws RunError.
class CudaMemory : public DeviceMemory {
 public:
  explicit CudaMemory(CudaBackend& cuda);
  void* allocate(size_t bytes) override;
  void release(void* block) noexcept override { cudaFree(block); }
  void copy_in(void* to, const void* from, size_t bytes) override;
  void copy_out(void* to, const void* from, size_t bytes) override;
  void copy(void* to, const void* from, size_t bytes) override;
  void clear(void* to, size_t bytes) override;
  size_t free_bytes() const override;

 private:
  CudaBackend& cuda_;
  PinnedRing ring_;
};

}  // namespace lorica
