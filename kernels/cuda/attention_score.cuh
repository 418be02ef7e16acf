#pragma once
#include <climits>
#include <cmath>
#include <cstdint>

#include "kernels/cuda/device/fast_math.cuh"
#include "kernels/cuda/device/scalar.cuh"

// What the attention kernels share: from q . k to a probability, and who sees whom.
namespace lorica::device {

constexpr float kLog2e = 1.4426950408889634f, kLn2 = 0.6931471805599453f;

/// The score of a product s = q . k is y = bend(s), its probability 2^(y factor - lse log2(e)); factor > 0, so that the
/// largest y has the largest probability. Without softcap bend() is the identity and factor holds the scale.
struct ScoreRule {
  float scale, softcap, factor;
  bool bent;

  ScoreRule(float scale_of_op, float softcap_of_op)
      : scale(scale_of_op),
        softcap(softcap_of_op),
        factor(softcap > 0 || scale <= 0 ? kLog2e : scale * kLog2e),
        bent(softcap > 0 || scale <= 0) {}
  __device__ float bend(float s) const { return softcap > 0 ? softcap * tanhf(s * scale / softcap) : s * scale; }
  /// d bend / d (scale s) at y = bend(s).
  __device__ float slope(float y) const { return softcap > 0 ? 1.0f - y / softcap * (y / softcap) : 1.0f; }
};

/// Rows [first, end); the default holds none and lies behind all.
struct Range {
  int first = INT_MAX, end = 0;
  __device__ bool holds(int i) const { return i >= first && i < end; }
};

/// The i with offsets[i] <= token < offsets[i + 1]; `count` sequences, of which some may be empty.
__device__ __forceinline__ int sequence_of(const int32_t* offsets, int count, int token) {
  int low = 0, high = count;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    if (offsets[middle] <= token)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/// Keys that lie side by side, document after document, like the queries. For rising queries both ends of keys_of()
/// rise, and so do those of queries_of() for rising keys: a tile's range follows from its first and last row.
struct PackedKeys {
  const int32_t* cu_seqlens;
  int documents, window;

  __device__ Range keys_of(int token) const {
    const int start = cu_seqlens[sequence_of(cu_seqlens, documents, token)];
    return {window > 0 && token - start >= window ? token - window + 1 : start, token + 1};
  }
  __device__ Range queries_of(int key) const {
    const int end = cu_seqlens[sequence_of(cu_seqlens, documents, key) + 1];
    return {key, window > 0 && end - key > window ? key + window : end};
  }
  /// Where the tokens from `token` on see keys without a gap, and how far.
  __device__ int end_of_run(int, int token_end) const { return token_end; }
};

/// Keys in a cache [B, capacity]: key i of sequence b is row b capacity + i. Ranges rise as those of PackedKeys.
struct CachedKeys {
  const int32_t *cu_q, *kv_lens;
  int sequences, capacity, window;

  __device__ Range keys_of(int token) const {
    const int b = sequence_of(cu_q, sequences, token), base = b * capacity;
    const int position = kv_lens[b] - (cu_q[b + 1] - token);
    return {base + (window > 0 && position >= window ? position - window + 1 : 0), base + position + 1};
  }
  __device__ int end_of_run(int token, int token_end) const {
    return min(token_end, cu_q[sequence_of(cu_q, sequences, token) + 1]);
  }
};

/// The tiles of `kStep` keys that tokens [first, end) see, sequence by sequence.
template <class Keys, int kStep>
struct KeyWalk {
  const Keys& keys;
  int next_token, end_token;
  Range tile{0, 0};  // first key of the tile, end of the keys of its sequence

  __device__ KeyWalk(const Keys& all, int first, int end) : keys(all), next_token(first), end_token(end) { open(); }
  __device__ bool done() const { return tile.first >= tile.end; }
  __device__ int count() const { return min(kStep, tile.end - tile.first); }
  __device__ void advance() {
    tile.first += kStep;
    if (done()) open();
  }

 private:
  __device__ void open() {
    if (next_token >= end_token) return;
    const int end = keys.end_of_run(next_token, end_token);
    tile = {keys.keys_of(next_token).first, keys.keys_of(end - 1).end};
    next_token = end;
  }
};

}  // namespace lorica::device
