#include "kernels/memory.h"

#include <cstdlib>
#include <cstring>

namespace lorica {
namespace {

class HostMemory : public DeviceMemory {
 public:
  void* allocate(size_t bytes) override { return std::aligned_alloc(64, (bytes + 63) / 64 * 64); }
  void release(void* block) noexcept override { std::free(block); }
  void copy_in(void* to, const void* from, size_t bytes) override { copy(to, from, bytes); }
  void copy_out(void* to, const void* from, size_t bytes) override { copy(to, from, bytes); }
  void copy(void* to, const void* from, size_t bytes) override {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }
  void clear(void* to, size_t bytes) override {
    if (bytes > 0) std::memset(to, 0, bytes);
  }
  size_t free_bytes() const override { return 0; }
};

}  // namespace

DeviceMemory& host_memory() {
  static HostMemory memory;
  return memory;
}

}  // namespace lorica
