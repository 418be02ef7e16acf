#include "kernels/cpu/attention_keys.h"

#include <limits>

#include "kernels/cpu/attention_simd.h"

namespace lorica::cpu {
namespace {

/// Keys of the block that any of rows [r, r + n) sees: those up to the last row's own.
int64_t seen_keys(const KeyBuffers& b, const PairBlock& pair, int64_t r, int64_t n) {
  return pair.masked ? std::clamp<int64_t>(b.positions[r + n - 1] - pair.first_key + 1, 0, pair.keys) : pair.keys;
}

/// First row that sees key `key` of the block.
int64_t first_row(const KeyBuffers& b, const PairBlock& pair, int64_t key) {
  int64_t row = 0;
  while (row < pair.rows && b.positions[row] < pair.first_key + key) ++row;
  return row;
}

/// out [rows, keys] = left right, skipping what no row of a strip sees.
void row_products(const KeyBuffers& b, const PairBlock& pair, int64_t d, const float* left, const float* right,
                  float* out) {
  const int64_t padded = round_up(d, kStrip), strip = pair.masked ? kStrip : kBlock;
  for (int64_t r = 0; r < pair.rows; r += strip) {
    const int64_t n = std::min(strip, pair.rows - r);
    block_gemm_nn(n, round_up(seen_keys(b, pair, r, n), kLanes), d, left + r * padded, padded, right, kBlock,
                  out + r * kBlock, kBlock, Accumulate::kNo);
  }
}

/// sum [keys, padded d] += weights^T right, skipping rows that see no key of a strip.
void key_sums(const KeyBuffers& b, const PairBlock& pair, int64_t padded, const float* weights, const float* right,
              float* sum) {
  const Accumulate accumulate = pair.first ? Accumulate::kNo : Accumulate::kYes;
  const int64_t strip = pair.masked ? kStrip : kBlock;
  for (int64_t s = 0; s < pair.keys; s += strip) {
    const int64_t row = pair.masked ? first_row(b, pair, s) : 0;
    block_gemm_tn(std::min(strip, pair.keys - s), padded, pair.rows - row, weights + row * kBlock + s, kBlock,
                  right + row * padded, padded, sum + s * padded, padded, accumulate);
  }
}

/// One row of scores to probabilities and, in place, dP to dS.
template <bool kCapped>
void softmax_row(const KeyBuffers& b, const PairBlock& pair, const ScoreRule& rule, int64_t row, bool want_dscores) {
  const Vec lse = splat(b.lse[row]), d_sum = splat(b.d_sums[row]);
  const int32_t reach = rule.window > 0 ? static_cast<int32_t>(rule.window) : std::numeric_limits<int32_t>::max();
  float* p_row = b.probabilities + row * kBlock;
  float* ds_row = b.dscores + row * kBlock;
  const int32_t distance0 = b.positions[row] - static_cast<int32_t>(pair.first_key);
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    Vec x = load_vec(p_row + lane);
    Vec tanh_x = {};
    if constexpr (kCapped) {
      tanh_x = tanh_vec(x);
      x = tanh_x * rule.post_cap();
    }
    Vec p = exp2_vec(x - lse);
    Vec ds = {};
    if (want_dscores) {
      ds = p * (load_vec(ds_row + lane) - d_sum);
      if constexpr (kCapped) ds *= 1.0f - tanh_x * tanh_x;
    }
    if (pair.masked) {
      VecInt distance;
      for (int i = 0; i < kLanes; ++i) distance[i] = distance0 - lane - i;
      const VecInt visible = (distance >= 0) & (distance < reach);
      p = visible ? p : Vec{};
      ds = visible ? ds : Vec{};
    }
    store_vec(p_row + lane, p);
    if (want_dscores) store_vec(ds_row + lane, ds);
  }
}

}  // namespace

std::array<KeyBuffers, kParts> KeyBuffers::carve(Carver& carver, int64_t d) {
  const int64_t padded = round_up(d, kStrip);
  KeyBuffers b;
  b.packed = carver.take<float>(kBlock * padded);
  b.queries = carver.take<float>(kBlock * padded);
  b.douts = carver.take<float>(kBlock * padded);
  b.probabilities = carver.take<float>(kBlock * kBlock);
  b.dscores = carver.take<float>(kBlock * kBlock);
  b.dq = carver.take<float>(kBlock * padded);
  b.lse = carver.take<float>(kBlock);
  b.d_sums = carver.take<float>(kBlock);
  b.positions = carver.take<int32_t>(kBlock);
  std::array<KeyBuffers, kParts> parts;
  for (KeyBuffers& part : parts) {
    part = b;
    part.keys_transposed = carver.take<float>(d * kBlock);
    part.values_transposed = carver.take<float>(d * kBlock);
    part.keys = carver.take<float>(kBlock * padded);
    part.dk = carver.take<float>(kBlock * padded);
    part.dv = carver.take<float>(kBlock * padded);
  }
  return parts;
}

template <class T>
void load_keys(const KeyBuffers& b, const T* k, const T* v, int64_t stride, int64_t n, int64_t d, const ScoreRule& rule,
               Wanted wanted) {
  const int64_t padded = round_up(d, kStrip);
  pack_rows(b.packed, padded, k, stride, n, d, 1.0f);
  transpose_block(b.keys_transposed, b.packed, padded, n, d);
  if (wanted.dq || wanted.dk) {
    pack_rows(b.packed, padded, v, stride, n, d, 1.0f);
    transpose_block(b.values_transposed, b.packed, padded, n, d);
  }
  if (wanted.dq) pack_rows(b.keys, padded, k, stride, n, d, rule.scale);
}
template void load_keys(const KeyBuffers&, const float*, const float*, int64_t, int64_t, int64_t, const ScoreRule&,
                        Wanted);
template void load_keys(const KeyBuffers&, const bf16*, const bf16*, int64_t, int64_t, int64_t, const ScoreRule&,
                        Wanted);

void backward_pair(const KeyBuffers& b, const PairBlock& pair, int64_t d, const ScoreRule& rule, Wanted wanted) {
  const int64_t padded = round_up(d, kStrip);
  const bool want_dscores = wanted.dq || wanted.dk;
  row_products(b, pair, d, b.queries, b.keys_transposed, b.probabilities);
  if (want_dscores) row_products(b, pair, d, b.douts, b.values_transposed, b.dscores);
  for (int64_t row = 0; row < pair.rows; ++row)
    rule.softcap > 0 ? softmax_row<true>(b, pair, rule, row, want_dscores)
                     : softmax_row<false>(b, pair, rule, row, want_dscores);
  if (wanted.dv) key_sums(b, pair, padded, b.probabilities, b.douts, b.dv);
  if (wanted.dk) key_sums(b, pair, padded, b.dscores, b.queries, b.dk);
  if (!wanted.dq) return;
  const int64_t strip = pair.masked ? kStrip : kBlock;
  for (int64_t r = 0; r < pair.rows; r += strip) {
    const int64_t n = std::min(strip, pair.rows - r);
    block_gemm_nn(n, padded, seen_keys(b, pair, r, n), b.dscores + r * kBlock, kBlock, b.keys, padded,
                  b.dq + r * padded, padded, pair.adds_to_dq ? Accumulate::kYes : Accumulate::kNo);
  }
}

template <class T>
float dot_row(const T* a, const T* b, int64_t d) {
  Vec sums = {};
  int64_t c = 0;
  for (; c + kLanes <= d; c += kLanes) sums += load_vec(a + c) * load_vec(b + c);
  float total = 0;
  for (int i = 0; i < kLanes; ++i) total += sums[i];
  for (; c < d; ++c) total += load(a + c) * load(b + c);
  return total;
}
template float dot_row(const float*, const float*, int64_t);
template float dot_row(const bf16*, const bf16*, int64_t);

void add_row(float* sum, const float* part, int64_t d) {
  int64_t c = 0;
  for (; c + kLanes <= d; c += kLanes) store_vec(sum + c, load_vec(sum + c) + load_vec(part + c));
  for (; c < d; ++c) sum[c] += part[c];
}

template <class T>
void write_grad_row(T* dst, const float* src, int64_t d, float factor, GradMode mode) {
  if (mode != GradMode::kAdd) {
    unpack_row(dst, src, d, factor);
    return;
  }
  int64_t c = 0;
  for (; c + kLanes <= d; c += kLanes) store_vec(dst + c, load_vec(dst + c) + load_vec(src + c) * factor);
  for (; c < d; ++c) store(dst + c, load(dst + c) + src[c] * factor);
}
template void write_grad_row(float*, const float*, int64_t, float, GradMode);
template void write_grad_row(bf16*, const float*, int64_t, float, GradMode);

}  // namespace lorica::cpu
