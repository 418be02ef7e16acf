#pragma once
#include <cuda_runtime.h>

namespace lorica::device {

/// The block's shared memory as one struct T: the only way in which kernels take shared memory. The launch gives
/// sizeof(T) as LaunchShape::shared_bytes. Nothing is cleared.
template <class T>
__device__ __forceinline__ T& shared_storage() {
#ifdef LORICA_SIMT
  return *static_cast<T*>(simt::shared_memory(sizeof(T)));
#else
  extern __shared__ __align__(1024) unsigned char lorica_shared[];
  return *reinterpret_cast<T*>(lorica_shared);
#endif
}

}  // namespace lorica::device
