#pragma once
#include "kernels/cuda/attention_score.cuh"
#include "kernels/cuda/device/reduce.cuh"
#include "kernels/cuda/device/shared.cuh"

// Attention of a few new tokens over long caches. The cache is split among blocks, so that few sequences fill a GPU; a
// second kernel joins what the blocks leave, in the order of the keys. All in f32: reading keys and values is the cost,
// and a block reads them once for up to kDecodeHeads heads.
namespace lorica::device {

constexpr int kDecodeKeys = 128;  // of a block: a thread makes the scores of one key
constexpr int kDecodeHeads = 8;   // query heads of a block; larger groups take more blocks

template <class T>
struct DecodeProblem {
  const T *q, *k, *v;
  T* o;
  float *partial_out, *partial_largest, *partial_sum;  // [Tq, H, splits, d], [Tq, H, splits]
  int tokens, heads, kv_heads, d, splits;
  ScoreRule rule;
  CachedKeys keys;

  __device__ int group() const { return heads / kv_heads; }
  __device__ int64_t partial(int token, int head, int split) const {
    return (int64_t{token} * heads + head) * splits + split;
  }
  /// Keys of a split that a token sees, as rows of the cache.
  __device__ Range keys_of(int token, int split) const {
    const Range seen = keys.keys_of(token);
    const int base = sequence_of(keys.cu_q, keys.sequences, token) * keys.capacity + split * kDecodeKeys;
    return {max(seen.first, base), min(seen.end, base + kDecodeKeys)};
  }
};

struct DecodeShared {
  float weights[kDecodeKeys][kDecodeHeads];
  float slots[2][kDecodeHeads][kDecodeKeys / kWarp];
  float sums[kDecodeKeys][kDecodeHeads];  // of a thread's keys, one column at a time
};

/// kStep elements by one access where rows are 16-byte aligned, else one.
template <int kStep, class T>
__device__ __forceinline__ void read_elements(float (&to)[kStep], const T* from) {
  if constexpr (kStep == 1) {
    to[0] = to_float(*from);
  } else {
    const Vector<T> read = load_vector(from);
#pragma unroll
    for (int i = 0; i < kStep; ++i) to[i] = to_float(read.value[i]);
  }
}

/// weights[key][h] = probabilities relative to the largest score of the block, which goes to slots[0], sums to
/// slots[1].
template <int kStep, class T>
__device__ __forceinline__ void decode_weights(DecodeShared& shared, const DecodeProblem<T>& p, const T* q, const T* k,
                                               bool is_given, int heads) {
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  float score[kDecodeHeads] = {};
  if (is_given)
    for (int c = 0; c < p.d; c += kStep) {
      float key[kStep], query[kStep];
      read_elements<kStep>(key, k + c);
#pragma unroll
      for (int h = 0; h < kDecodeHeads; ++h) {
        if (h >= heads) break;
        read_elements<kStep>(query, q + int64_t{h} * p.d + c);
#pragma unroll
        for (int i = 0; i < kStep; ++i) score[h] += query[i] * key[i];
      }
    }
#pragma unroll
  for (int h = 0; h < kDecodeHeads; ++h) {
    if (h >= heads) break;
    const float y = p.rule.bent ? p.rule.bend(score[h]) : score[h];
    score[h] = is_given ? y * p.rule.factor : -INFINITY;
    const float largest = warp_max(score[h]);
    if (lane == 0) shared.slots[0][h][warp] = largest;
  }
  __syncthreads();
#pragma unroll
  for (int h = 0; h < kDecodeHeads; ++h) {
    if (h >= heads) break;
    float largest = -INFINITY;
    for (const float x : shared.slots[0][h]) largest = fmaxf(largest, x);
    const float weight = exp2_fast(score[h] - (largest == -INFINITY ? 0.0f : largest));
    shared.weights[threadIdx.x][h] = weight;
    const float sum = warp_sum(weight);
    if (lane == 0) shared.slots[1][h][warp] = sum;
  }
  __syncthreads();
}

/// Grid (splits, key/value heads x parts of their groups, new tokens). kStep divides d.
template <class T, int kStep>
__global__ void __launch_bounds__(kDecodeKeys) attention_decode_kernel(const DecodeProblem<T> p) {
  DecodeShared& shared = shared_storage<DecodeShared>();
  const int split = blockIdx.x, token = blockIdx.z, parts = (p.group() + kDecodeHeads - 1) / kDecodeHeads;
  const int kv_head = blockIdx.y / parts, skipped = blockIdx.y % parts * kDecodeHeads;
  const int head = kv_head * p.group() + skipped, heads = min(kDecodeHeads, p.group() - skipped);
  const Range range = p.keys_of(token, split);
  if (range.first >= range.end) return;
  const int count = range.end - range.first, thread = threadIdx.x;
  const int64_t stride = int64_t{p.kv_heads} * p.d, at = range.first * stride + int64_t{kv_head} * p.d;
  decode_weights<kStep>(shared, p, p.q + (int64_t{token} * p.heads + head) * p.d, p.k + at + thread * stride,
                        thread < count, heads);
  if (thread < heads) {
    float largest = -INFINITY, sum = 0;
    for (const float x : shared.slots[0][thread]) largest = fmaxf(largest, x);
    for (const float x : shared.slots[1][thread]) sum += x;
    p.partial_largest[p.partial(token, head + thread, split)] = largest;
    p.partial_sum[p.partial(token, head + thread, split)] = sum;
  }

  // neighbouring threads read neighbouring columns; where a row has fewer than there are threads, each of `teams` teams
  // takes every teams-th key, and the teams' sums are added in order
  const int columns = p.d / kStep, teams = max(1, kDecodeKeys / columns), team = thread / columns;
  for (int first = 0; first < columns; first += kDecodeKeys) {
    const int column = teams > 1 ? thread % columns : first + thread;
    const bool works = teams > 1 ? team < teams : column < columns;
    float out[kStep][kDecodeHeads] = {};
    if (works)
      for (int key = teams > 1 ? team : 0; key < count; key += teams) {
        float value[kStep];
        read_elements<kStep>(value, p.v + at + key * stride + column * kStep);
#pragma unroll
        for (int h = 0; h < kDecodeHeads; ++h) {
          if (h >= heads) break;
#pragma unroll
          for (int i = 0; i < kStep; ++i) out[i][h] += shared.weights[key][h] * value[i];
        }
      }
#pragma unroll
    for (int i = 0; i < kStep; ++i) {
      __syncthreads();
#pragma unroll
      for (int h = 0; h < kDecodeHeads; ++h) shared.sums[thread][h] = out[i][h];
      __syncthreads();
      if (!works || (teams > 1 && team > 0)) continue;
      for (int h = 0; h < heads; ++h) {
        float sum = shared.sums[thread][h];
        for (int other = 1; other < teams; ++other) sum += shared.sums[other * columns + thread][h];
        p.partial_out[p.partial(token, head + h, split) * p.d + column * kStep + i] = sum;
      }
    }
  }
}

/// Joins the splits of a head of a token, first to last: grid (heads, new tokens).
template <class T>
__global__ void __launch_bounds__(kDecodeKeys) attention_join_kernel(const DecodeProblem<T> p) {
  const int head = blockIdx.x, token = blockIdx.y;
  const Range seen = p.keys.keys_of(token);
  const int base = sequence_of(p.keys.cu_q, p.keys.sequences, token) * p.keys.capacity;
  const int first = (seen.first - base) / kDecodeKeys, last = (seen.end - 1 - base) / kDecodeKeys;
  float largest = -INFINITY, sum = 0;
  for (int i = first; i <= last; ++i) largest = fmaxf(largest, p.partial_largest[p.partial(token, head, i)]);
  const float shift = largest == -INFINITY ? 0.0f : largest;
  for (int i = first; i <= last; ++i) {
    const int64_t at = p.partial(token, head, i);
    sum += exp2_fast(p.partial_largest[at] - shift) * p.partial_sum[at];
  }
  for (int c = threadIdx.x; c < p.d; c += kDecodeKeys) {
    float out = 0;
    for (int i = first; i <= last; ++i) {
      const int64_t at = p.partial(token, head, i);
      out += exp2_fast(p.partial_largest[at] - shift) * p.partial_out[at * p.d + c];
    }
    p.o[(int64_t{token} * p.heads + head) * p.d + c] = from_float<T>(out / sum);
  }
}

}  // namespace lorica::device
