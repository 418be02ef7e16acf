#pragma once
#include <cstddef>
#include <cstdint>

namespace lorica {

enum class Device : uint8_t { kCpu, kCuda };

/// Where a device keeps its tensors, and how bytes get there and back. Copies are ordered with the ops of the device.
class DeviceMemory {
 public:
  virtual ~DeviceMemory() = default;
  /// At least 64-byte aligned and not cleared; nullptr when there is none left.
  virtual void* allocate(size_t bytes) = 0;
  virtual void release(void* block) noexcept = 0;
  /// `from` is host memory and may be reused on return.
  virtual void copy_in(void* to, const void* from, size_t bytes) = 0;
  /// `to` is host memory; on return the bytes are there.
  virtual void copy_out(void* to, const void* from, size_t bytes) = 0;
  /// Within the device.
  virtual void copy(void* to, const void* from, size_t bytes) = 0;
  virtual void clear(void* to, size_t bytes) = 0;
  /// Bytes that allocate() can still give, as far as the device tells; 0: not known.
  virtual size_t free_bytes() const = 0;
};

/// Throws RunError: what the current ProfileRange asked for, what is free, and which settings make a run smaller.
[[noreturn]] void throw_out_of_memory(const DeviceMemory&, size_t bytes);

/// The host's own memory.
DeviceMemory& host_memory();

}  // namespace lorica
