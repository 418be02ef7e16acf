#pragma once
#include <cuda_runtime.h>
#ifdef LORICA_SIMT
#include <cmath>
#endif

namespace lorica::device {

/// 2^x by one instruction (ex2.approx.ftz): relative error at most 2^-22, results below 2^-126 become 0, NaN stays.
__device__ __forceinline__ float exp2_fast(float x) {
#ifdef LORICA_SIMT
  const float y = std::exp2(x);
  return y < 0x1p-126f ? 0.0f : y;
#else
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#endif
}

}  // namespace lorica::device
