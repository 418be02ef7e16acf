#pragma once
#include <cuda_runtime.h>

#include <cstdint>

namespace lorica {

/// Which value on the device was wrong.
enum class FaultPlace : int32_t {
  kNone,
  kGatherRows,
  kEmbeddingFwd,
  kEmbeddingBwd,
  kRope,
  kRopeBwd,
  kHeadLossRows,
  kHeadLossTargets,
  kHeadLossOrder,
  kCacheAppend,
  kSample
};

/// The first wrong value that a kernel met (device/fault.cuh): an index out of [0, limit), or what the place says.
struct DeviceFault {
  FaultPlace place;
  int32_t index, value, limit;
};

/// The one DeviceFault of a backend. The host cannot see indices without waiting for them, so a kernel records a bad
/// one and goes on without it; the next copy to the host reports it.
class FaultWord {
 public:
  explicit FaultWord(cudaStream_t stream);
  ~FaultWord();
  FaultWord(const FaultWord&) = delete;
  FaultWord& operator=(const FaultWord&) = delete;

  DeviceFault* device() const { return device_; }
  /// Waits for the stream. Throws the Error of the op that met a wrong value, and forgets it.
  void wait_and_check();

 private:
  cudaStream_t stream_;
  DeviceFault* device_ = nullptr;
};

}  // namespace lorica
