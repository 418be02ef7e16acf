#pragma once
#include <cstddef>
#include <cstring>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

namespace simt {

/// The shared memory of the block that runs: one buffer, of which a block may touch what its launch asked for.
class SharedMemory {
 public:
  static constexpr size_t kMost = 227 * 1024, kByDefault = 48 * 1024;

  static unsigned char* data() { return buffer(); }

  /// For the life of a block: 0xff (NaN) in what it may touch, and the rest fenced off for AddressSanitizer.
  class Block {
   public:
    explicit Block(size_t bytes) {
      std::memset(buffer(), 0xff, bytes);
#ifdef __SANITIZE_ADDRESS__
      __asan_poison_memory_region(buffer() + bytes, kBuffer - bytes);
#endif
    }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    ~Block() {
#ifdef __SANITIZE_ADDRESS__
      __asan_unpoison_memory_region(buffer(), kBuffer);
#endif
    }
  };

 private:
  static constexpr size_t kBuffer = kMost + 29 * 1024;  ///< with a fence behind the largest block
  static unsigned char* buffer() {
    alignas(1024) static unsigned char bytes[kBuffer];
    return bytes;
  }
};

}  // namespace simt
