#include <cuda_runtime.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "tests/simt/executor.h"
#include "tests/simt/races.h"
#include "tests/simt/shared_memory.h"
#include "tests/simt/stream.h"

namespace simt {
namespace {

/// Every block that cudaMalloc and its relatives gave, on the heap. Under AddressSanitizer it has the exact size, so
/// that an access beyond its end is seen; without it, pages of its own, since the race detector watches whole pages.
class Allocations {
 public:
  cudaError_t allocate(void** block, size_t bytes, bool of_device) {
    *block = nullptr;
    if (bytes == 0) return cudaSuccess;
    const std::lock_guard lock(mutex_);
    if (of_device && bytes > limit_ - std::min(used_, limit_)) return cudaErrorMemoryAllocation;
#ifdef __SANITIZE_ADDRESS__
    constexpr size_t kAlignment = 256, kUnit = 1;
#else
    constexpr size_t kAlignment = RaceDetector::kPageBytes, kUnit = RaceDetector::kPageBytes;
#endif
    if (posix_memalign(block, kAlignment, (bytes + kUnit - 1) / kUnit * kUnit) != 0) return cudaErrorMemoryAllocation;
    std::memset(*block, 0xff, bytes);  // NaN: memory that nobody wrote is seen
    blocks_[*block] = {bytes, of_device};
    if (of_device) used_ += bytes;
    race_detector().watch(*block, bytes);
    return cudaSuccess;
  }
  cudaError_t release(void* block) {
    if (!block) return cudaSuccess;
    const std::lock_guard lock(mutex_);
    const auto found = blocks_.find(block);
    if (found == blocks_.end()) return cudaErrorInvalidValue;
    if (found->second.of_device) used_ -= found->second.bytes;
    race_detector().forget(block, found->second.bytes);
    blocks_.erase(found);
    std::free(block);
    return cudaSuccess;
  }
  void set_limit(size_t bytes) {
    const std::lock_guard lock(mutex_);
    limit_ = bytes;
  }
  void info(size_t* free, size_t* total) {
    const std::lock_guard lock(mutex_);
    *free = limit_ - std::min(used_, limit_);
    *total = limit_;
  }
  std::string place_of(uintptr_t address) {
    const std::lock_guard lock(mutex_);
    auto after = blocks_.upper_bound(reinterpret_cast<void*>(address));
    if (after == blocks_.begin()) return "no allocation";
    const auto& [block, what] = *--after;
    return fmt::format("an allocation of {} bytes, from byte {}", what.bytes,
                       address - reinterpret_cast<uintptr_t>(block));
  }

 private:
  std::mutex mutex_;
  struct Block {
    size_t bytes;
    bool of_device;
  };
  std::map<void*, Block> blocks_;
  size_t used_ = 0, limit_ = size_t{4} << 30;
};

Allocations& allocations() {
  static auto* const kept = new Allocations;  // outlives every object that frees memory at the program's end
  return *kept;
}

cudaError_t last_error = cudaSuccess;
struct {
  int major = 9, minor = 0;
} compute_capability;

}  // namespace

std::string place_of_address(uintptr_t address) {
  if (SharedMemory::contains(address))
    return fmt::format("shared memory, from byte {}", address - reinterpret_cast<uintptr_t>(SharedMemory::data()));
  return allocations().place_of(address);
}

void set_device_memory(size_t bytes) { allocations().set_limit(bytes); }

void set_compute_capability(int major, int minor) { compute_capability = {major, minor}; }

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

}  // namespace simt

using simt::allocations;
using simt::remember;

const char* cudaGetErrorString(cudaError_t error) {
  static std::string fault;
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    case cudaErrorNotReady:
      return "device not ready";
    case cudaErrorLaunchFailure:
      fault = std::string("unspecified launch failure: ") + simt::last_fault();
      return fault.c_str();
    case cudaErrorNotSupported:
      return "operation not supported";
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
      return "operation failed due to a previous error during capture";
    case cudaErrorStreamCaptureUnjoined:
      return "capturing stream has unjoined work";
    case cudaErrorStreamCaptureImplicit:
      return "operation would make the legacy stream depend on a capturing blocking stream";
  }
  return "unrecognized error code";
}
cudaError_t cudaGetLastError() { return std::exchange(simt::last_error, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return simt::last_error; }

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaSetDevice(int device) { return device == 0 ? cudaSuccess : remember(cudaErrorInvalidDevice); }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (device != 0) return remember(cudaErrorInvalidDevice);
  *properties = {.name = "SIMT harness",
                 .major = simt::compute_capability.major,
                 .minor = simt::compute_capability.minor,
                 .multiProcessorCount = 4,  // few: a grid sized by it stays small
                 .warpSize = 32,
                 .maxThreadsPerBlock = 1024,
                 .maxThreadsPerMultiProcessor = 2048,
                 .l2CacheSize = 50 << 20,
                 .regsPerBlock = 65536,
                 .regsPerMultiprocessor = 65536,
                 .totalGlobalMem = 0,
                 .sharedMemPerBlock = simt::SharedMemory::kByDefault,
                 .sharedMemPerBlockOptin = simt::SharedMemory::kMost,
                 .sharedMemPerMultiprocessor = 228 * 1024};
  size_t free = 0;
  allocations().info(&free, &properties->totalGlobalMem);
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  *version = 13000;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) { return cudaDriverGetVersion(version); }

cudaError_t cudaMalloc(void** block, size_t bytes) {
  const cudaError_t refused = simt::refuse_while_capturing();
  return refused ? refused : remember(allocations().allocate(block, bytes, true));
}
cudaError_t cudaMallocManaged(void** block, size_t bytes, unsigned) { return cudaMalloc(block, bytes); }
cudaError_t cudaFree(void* block) {
  const cudaError_t refused = block ? simt::refuse_while_capturing() : cudaSuccess;
  return refused ? refused : remember(allocations().release(block));
}
cudaError_t cudaMallocAsync(void** block, size_t bytes, cudaStream_t) { return cudaMalloc(block, bytes); }
cudaError_t cudaFreeAsync(void* block, cudaStream_t) { return cudaFree(block); }
cudaError_t cudaMallocHost(void** block, size_t bytes) {
  const cudaError_t refused = simt::refuse_while_capturing();
  return refused ? refused : remember(allocations().allocate(block, bytes, false));
}
cudaError_t cudaHostAlloc(void** block, size_t bytes, unsigned) { return cudaMallocHost(block, bytes); }
cudaError_t cudaFreeHost(void* block) { return cudaFree(block); }
cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  allocations().info(free, total);
  return cudaSuccess;
}
