#include <array>
#include <cstdlib>
#include <new>

#include "kernels/context.h"
#include "kernels/cpu/features.h"
#include "kernels/cpu/gemm_cache.h"

namespace lorica {

struct CpuBackend::Buffers {
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::array<std::unique_ptr<void, Free>, kSlotCount> memory;
  std::array<size_t, kSlotCount> sizes{};
};

CpuBackend::CpuBackend() : buffers_(std::make_unique<Buffers>()), gemm_cache_(std::make_unique<GemmCache>()) {}
CpuBackend::~CpuBackend() = default;
CpuBackend::CpuBackend(CpuBackend&&) noexcept = default;

void* CpuBackend::scratch(Slot slot, size_t bytes) {
  constexpr size_t kAlign = 4096;
  if (buffers_->sizes[slot] < bytes) {
    const size_t rounded = (bytes + kAlign - 1) / kAlign * kAlign;
    buffers_->memory[slot].reset();
    buffers_->memory[slot].reset(std::aligned_alloc(kAlign, rounded));
    if (!buffers_->memory[slot]) {
      buffers_->sizes[slot] = 0;
      throw_out_of_memory(host_memory(), rounded);
    }
    buffers_->sizes[slot] = rounded;
  }
  return buffers_->memory[slot].get();
}

size_t CpuBackend::scratch_bytes() const {
  size_t total = 0;
  for (size_t size : buffers_->sizes) total += size;
  return total;
}

std::string describe(CpuBackend&) { return "device: cpu: " + cpu_description() + "\n"; }

}  // namespace lorica
