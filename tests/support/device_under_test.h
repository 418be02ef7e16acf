#pragma once
#include <cstddef>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "kernels/context.h"

// The same tests of ops are linked three times: for the CPU (on_cpu.cpp), for the CUDA sources under the SIMT harness
// and for a GPU (on_cuda.cpp).
namespace lorica::test {

/// The one context of this test program.
Context& context_under_test();
/// Memory that both the test and the device reach; exactly `bytes` of it.
std::shared_ptr<void> shared_bytes(size_t bytes);

/// Such memory with the value semantics of a vector.
class TestBytes {
 public:
  explicit TestBytes(size_t bytes) : size_(bytes), memory_(shared_bytes(bytes)) {}
  TestBytes(const TestBytes& other) : TestBytes(other.size_) {
    if (size_ > 0) std::memcpy(data(), other.data(), size_);
  }
  TestBytes(TestBytes&&) noexcept = default;
  TestBytes& operator=(TestBytes other) noexcept {
    std::swap(size_, other.size_);
    std::swap(memory_, other.memory_);
    return *this;
  }
  unsigned char* data() const { return static_cast<unsigned char*>(memory_.get()); }
  size_t size() const { return size_; }

 private:
  size_t size_;
  std::shared_ptr<void> memory_;
};
/// Whether an emulator runs the ops: big sizes are then left out.
bool emulated();

/// Sizes to test: all of them, or the smaller list where ops are emulated.
inline std::vector<int64_t> sizes(std::vector<int64_t> all, std::vector<int64_t> when_emulated) {
  return emulated() ? std::move(when_emulated) : std::move(all);
}

}  // namespace lorica::test
