#pragma once
#include "kernels/cuda/fault.h"

namespace lorica::device {

/// Records a wrong value unless one is recorded already.
__device__ __forceinline__ void record_fault(DeviceFault* fault, FaultPlace place, int64_t index, int32_t value,
                                             int64_t limit) {
  if (atomicCAS(reinterpret_cast<int*>(&fault->place), 0, static_cast<int>(place)) != 0) return;
  fault->index = static_cast<int32_t>(index);
  fault->value = value;
  fault->limit = static_cast<int32_t>(limit);
}

}  // namespace lorica::device
