#pragma once
#include <cstring>

#include "kernels/cpu/parallel.h"
#include "kernels/ops/lora_linear.h"
#include "kernels/philox.h"

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

/// A tensor to be masked: to[i] = from[i] where element i is kept, else 0; not divided by 1 - p. `to` may be `from`;
/// null data: nothing to do.
struct Masked {
  const void* from = nullptr;
  void* to = nullptr;
  Dtype dtype = Dtype::f32;
};

/// Words of several blocks are made before they are used, so that no load waits for the stores just before it.
constexpr int64_t kMaskWords = 4 * kMaskBlock;

/// T is an unsigned integer of the element's width: zero is all bits clear in f32 and in bf16.
template <class T>
inline void mask_words(const uint32_t* words, uint32_t threshold, const T* from, T* to, int64_t n) {
  if (n == kMaskWords) {  // a known count, which the compiler vectorises without remainders
#pragma omp simd
    for (int64_t j = 0; j < kMaskWords; ++j) to[j] = words[j] >= threshold ? from[j] : T{0};
  } else {
    for (int64_t j = 0; j < n; ++j) to[j] = words[j] >= threshold ? from[j] : T{0};
  }
}

/// Masks two tensors of n elements with one generation of the words.
inline void mask_elements(const Dropout& dropout, int64_t n, const Masked& first, const Masked& second = {}) {
  const uint32_t threshold = keep_threshold(dropout.p);
  const uint64_t stream =
      dropout.module + (dropout.stream ? static_cast<uint64_t>(*dropout.stream.as<int64_t>()) : uint64_t{0});
  parallel_for(n, 64 * kMaskWords, [&](int64_t begin, int64_t end) {
    uint32_t words[kMaskWords];
    auto apply = [&](const Masked& m, int64_t i, int64_t count) {
      if (!m.to) return;
      if (m.dtype == Dtype::bf16)
        mask_words(words, threshold, static_cast<const uint16_t*>(m.from) + i, static_cast<uint16_t*>(m.to) + i, count);
      else
        mask_words(words, threshold, static_cast<const uint32_t*>(m.from) + i, static_cast<uint32_t*>(m.to) + i, count);
    };
    for (int64_t i = begin; i < end; i += kMaskWords) {
      for (int64_t j = 0; j < kMaskWords; j += kMaskBlock)
        philox_block(dropout.seed, stream, static_cast<uint64_t>(i + j) / 4, words + j);
      apply(first, i, std::min(kMaskWords, end - i));
      apply(second, i, std::min(kMaskWords, end - i));
    }
  });
}

}  // namespace lorica::cpu
