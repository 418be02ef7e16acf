#pragma once
#include <cuda_runtime.h>

#include "kernels/philox.h"

namespace lorica {

/// Dropout as kernels take it: the mask of a matrix of `width` columns, made anew wherever it is needed.
struct DropoutMask {
  uint32_t threshold = 0;  ///< 0: everything is kept
  uint64_t seed = 0, module = 0;
  const int64_t* stream = nullptr;
  int64_t width = 0;
};

namespace device {

/// Bit j is set where element (row, column + j) is kept, for j < kN.
template <int kN>
__device__ __forceinline__ uint32_t kept_bits(const DropoutMask& mask, int64_t row, int64_t column) {
  static_assert(kN % 4 == 0 && kN <= 16);
  const uint64_t stream = mask.module + (mask.stream ? static_cast<uint64_t>(*mask.stream) : 0);
  const auto first = static_cast<uint64_t>(row * mask.width + column);
  auto four = [&](uint64_t index) {
    const std::array<uint32_t, 4> words = philox(mask.seed, stream, index);
    uint32_t bits = 0;
#pragma unroll
    for (unsigned j = 0; j < 4; ++j) bits |= static_cast<uint32_t>(words[j] >= mask.threshold) << j;
    return bits;
  };
  uint32_t bits = 0;
#pragma unroll
  for (unsigned g = 0; g < kN / 4; ++g) bits |= four(first / 4 + g) << 4 * g;
  const auto shift = static_cast<unsigned>(first % 4);  // not 0 only where the width is no multiple of 4
  if (shift != 0) bits = (bits | four(first / 4 + kN / 4) << kN) >> shift;
  return bits;
}

}  // namespace device
}  // namespace lorica
