#include <cuda_runtime.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "tests/simt/executor.h"
#include "tests/simt/shared_memory.h"
#include "tests/simt/stream.h"

namespace simt {
namespace {

/// Every block that cudaMalloc and its relatives gave: an exact heap block of its own, so that AddressSanitizer sees an
/// access beyond its end.
class Allocations {
 public:
  cudaError_t allocate(void** block, size_t bytes, bool of_device) {
    *block = nullptr;
    if (bytes == 0) return cudaSuccess;
    const std::lock_guard lock(mutex_);
    if (of_device && bytes > limit_ - std::min(used_, limit_)) return cudaErrorMemoryAllocation;
    constexpr size_t kAlignment = 256;
    if (posix_memalign(block, kAlignment, bytes) != 0) return cudaErrorMemoryAllocation;
    std::memset(*block, 0xff, bytes);  // NaN: memory that nobody wrote is seen
    blocks_[*block] = of_device ? bytes : 0;
    if (of_device) used_ += bytes;
    return cudaSuccess;
  }
  cudaError_t release(void* block) {
    if (!block) return cudaSuccess;
    const std::lock_guard lock(mutex_);
    const auto found = blocks_.find(block);
    if (found == blocks_.end()) return cudaErrorInvalidValue;
    used_ -= found->second;
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

 private:
  std::mutex mutex_;
  std::map<void*, size_t> blocks_;  ///< device bytes of each block
  size_t used_ = 0, limit_ = size_t{4} << 30;
};

Allocations& allocations() {
  static auto* const kept = new Allocations;  // outlives every object that frees memory at the program's end
  return *kept;
}

cudaError_t last_error = cudaSuccess;

}  // namespace

void set_device_memory(size_t bytes) { allocations().set_limit(bytes); }

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
                 .major = 9,
                 .minor = 0,
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
