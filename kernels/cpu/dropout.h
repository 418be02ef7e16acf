#pragma once
#include <cmath>
#include <cstring>

#include "kernels/cpu/parallel.h"
#include "kernels/ops/lora_linear.h"

namespace lorica::cpu {

/// Elements whose words are made together: 16 counters of four words.
constexpr int64_t kMaskBlock = 64;

/// The words of kernels/philox.h for counters index .. index + 15, in the order of the elements; the rounds are written
/// out here so that the compiler runs the counters side by side.
inline void philox_block(uint64_t key, uint64_t stream, uint64_t index, uint32_t* words) {
#pragma omp simd
  for (uint32_t lane = 0; lane < kMaskBlock / 4; ++lane) {
    const uint64_t counter = index + lane;
    uint32_t c0 = static_cast<uint32_t>(counter), c1 = static_cast<uint32_t>(counter >> 32);
    uint32_t c2 = static_cast<uint32_t>(stream), c3 = static_cast<uint32_t>(stream >> 32);
    uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = uint64_t{0xD2511F53u} * c0;
      const uint64_t p1 = uint64_t{0xCD9E8D57u} * c2;
      c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
      c1 = static_cast<uint32_t>(p1);
      c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c3 = static_cast<uint32_t>(p0);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    words[4 * lane] = c0;
    words[4 * lane + 1] = c1;
    words[4 * lane + 2] = c2;
    words[4 * lane + 3] = c3;
  }
}

/// The least word that keeps its element.
inline uint32_t keep_threshold(float p) { return static_cast<uint32_t>(std::ceil(static_cast<double>(p) * 0x1p32)); }

/// to[i] = from[i] where element i is kept, else 0; not divided by 1 - p. `to` may be `from`.
/// T is an unsigned integer of the element's width: zero is all bits clear in f32 and bf16.
template <class T>
void mask_elements(const Dropout& dropout, const T* from, T* to, int64_t n) {
  const uint32_t threshold = keep_threshold(dropout.p);
  parallel_for(n, 256 * kMaskBlock, [&](int64_t begin, int64_t end) {
    uint32_t words[kMaskBlock];
    for (int64_t i = begin; i < end; i += kMaskBlock) {
      philox_block(dropout.seed, dropout.stream, static_cast<uint64_t>(i) / 4, words);
      const int64_t count = std::min(kMaskBlock, end - i);
#pragma omp simd
      for (int64_t j = 0; j < count; ++j) to[i + j] = words[j] >= threshold ? from[i + j] : T{0};
    }
  });
}

/// The same for tensors of f32 or bf16.
inline void mask_elements(const Dropout& dropout, const void* from, void* to, Dtype dtype, int64_t n) {
  if (dtype == Dtype::bf16)
    mask_elements(dropout, static_cast<const uint16_t*>(from), static_cast<uint16_t*>(to), n);
  else
    mask_elements(dropout, static_cast<const uint32_t*>(from), static_cast<uint32_t*>(to), n);
}

}  // namespace lorica::cpu
