#pragma once
#include <cuda_runtime.h>

// Addresses within shared memory as instructions take them: 32 bits on a GPU, where 64-bit pointers would double the
// registers that addresses need.
namespace lorica::device {

#ifdef LORICA_SIMT
using SharedAddress = const unsigned char*;
#else
using SharedAddress = unsigned;
#endif

__device__ __forceinline__ SharedAddress shared_address(const void* shared) {
#ifdef LORICA_SIMT
  return static_cast<SharedAddress>(shared);
#else
  return static_cast<SharedAddress>(__cvta_generic_to_shared(shared));
#endif
}

}  // namespace lorica::device
