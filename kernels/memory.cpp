#include "kernels/memory.h"

#include <cstdlib>
#include <cstring>

#include "kernels/error.h"
#include "kernels/profile.h"

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

double mebibytes(size_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace

void throw_out_of_memory(const DeviceMemory& memory, size_t bytes) {
  const size_t free = memory.free_bytes();
  throw RunError(
      "out of memory: {} asked for {:.1f} MiB{}; a smaller train.micro_batch_tokens, "
      "train.gradient_checkpointing: true and model.precision: bf16 each make the run smaller",
      current_range(), mebibytes(bytes), free > 0 ? fmt::format(", {:.1f} MiB are free", mebibytes(free)) : "");
}

DeviceMemory& host_memory() {
  static HostMemory memory;
  return memory;
}

}  // namespace lorica
