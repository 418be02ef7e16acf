#include "kernels/cpu/attention_rows.h"

#include <cmath>
#include <limits>

#include "kernels/cpu/attention_simd.h"

// Scores are kept transposed, [keys, rows]: rows lie along the vector lanes, so that maxima and sums of the softmax
// need no horizontal step, and a block of scores is at once the transposed left operand of P V.
namespace lorica::cpu {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct KeyBlock {
  int64_t first, count;
  bool masked;  // some row does not see some key
};

/// Lanes below this see no key from `key` on; a multiple of the vector width.
int64_t first_lane(const int32_t* positions, int64_t lanes, int64_t key) {
  int64_t lane = 0;
  while (lane < lanes && positions[lane] < key) ++lane;
  return lane / kLanes * kLanes;
}

void score_block(const RowBuffers& b, const KeyBlock& block, int64_t lanes, int64_t d, int64_t padded) {
  if (!block.masked) {
    block_gemm_nn(block.count, lanes, d, b.keys, padded, b.queries, kBlock, b.scores, kBlock, Accumulate::kNo);
    return;
  }
  for (int64_t s = 0; s < block.count; s += kStrip) {
    const int64_t lane = first_lane(b.positions, lanes, block.first + s);
    block_gemm_nn(std::min<int64_t>(kStrip, block.count - s), lanes - lane, d, b.keys + s * padded, padded,
                  b.queries + lane, kBlock, b.scores + s * kBlock + lane, kBlock, Accumulate::kNo);
  }
}

/// Softcap and mask, in place, for one vector of lanes; returns the largest score of each lane.
Vec cap_and_mask(const RowBuffers& b, const KeyBlock& block, const ScoreRule& rule, int64_t lane) {
  const VecInt position = *reinterpret_cast<const VecInt*>(b.positions + lane);
  const int32_t reach = rule.window > 0 ? static_cast<int32_t>(rule.window) : std::numeric_limits<int32_t>::max();
  const float post_cap = rule.post_cap();
  Vec largest = splat(-kInfinity);
  float* column = b.scores + lane;
  for (int64_t s = 0; s < block.count; ++s, column += kBlock) {
    Vec x = load_vec(column);
    if (rule.softcap > 0) x = post_cap * tanh_vec(x);
    if (block.masked) {
      const VecInt distance = position - static_cast<int32_t>(block.first + s);
      x = ((distance >= 0) & (distance < reach)) ? x : splat(-kInfinity);
    }
    if (block.masked || rule.softcap > 0) store_vec(column, x);
    largest = x > largest ? x : largest;
  }
  return largest;
}

/// Turns scores into probabilities relative to the running maximum and updates maxima, sums and alpha. Returns whether
/// any earlier sum must be rescaled.
bool softmax_block(const RowBuffers& b, const KeyBlock& block, const ScoreRule& rule, int64_t lanes) {
  bool rescale = false;
  for (int64_t lane = 0; lane < lanes; lane += kLanes) {
    const Vec old_max = load_vec(b.maxima + lane);
    const Vec block_max = cap_and_mask(b, block, rule, lane);
    const Vec new_max = block_max > old_max ? block_max : old_max;
    const Vec shift = new_max == -kInfinity ? Vec{} : new_max;  // nothing seen yet: -inf - -inf would be NaN
    Vec sum = {};
    float* column = b.scores + lane;
    for (int64_t s = 0; s < block.count; ++s, column += kBlock) {
      const Vec p = exp2_vec(load_vec(column) - shift);
      store_vec(column, p);
      sum += p;
    }
    const Vec alpha = exp2_vec(old_max - shift);
    store_vec(b.alpha + lane, alpha);
    store_vec(b.sums + lane, load_vec(b.sums + lane) * alpha + sum);
    store_vec(b.maxima + lane, new_max);
    for (int i = 0; i < kLanes; ++i) rescale |= alpha[i] != 1.0f;
  }
  return rescale;
}

void scale_rows(float* out, int64_t padded, int64_t n, const float* alpha) {
  for (int64_t i = 0; i < n; ++i, out += padded) {
    if (alpha[i] == 1.0f) continue;
    for (int64_t c = 0; c < padded; c += kLanes) store_vec(out + c, load_vec(out + c) * alpha[i]);
  }
}

void value_block(const RowBuffers& b, const KeyBlock& block, int64_t n, int64_t padded, Accumulate accumulate) {
  if (!block.masked) {
    block_gemm_tn(n, padded, block.count, b.scores, kBlock, b.values, padded, b.out, padded, accumulate);
    return;
  }
  for (int64_t r = 0; r < n; r += kStrip) {
    const int64_t rows = std::min<int64_t>(kStrip, n - r);
    const int64_t seen = std::clamp<int64_t>(b.positions[r + rows - 1] - block.first + 1, 0, block.count);
    block_gemm_tn(rows, padded, seen, b.scores + r, kBlock, b.values, padded, b.out + r * padded, padded, accumulate);
  }
}

}  // namespace

RowBuffers RowBuffers::carve(Carver& carver, int64_t d) {
  const int64_t padded = round_up(d, kStrip);
  RowBuffers b;
  b.packed = carver.take<float>(kBlock * padded);
  b.queries = carver.take<float>(d * kBlock);
  b.keys = carver.take<float>(kBlock * padded);
  b.scores = carver.take<float>(kBlock * kBlock);
  b.values = carver.take<float>(kBlock * padded);
  b.out = carver.take<float>(kBlock * padded);
  b.maxima = carver.take<float>(kBlock);
  b.sums = carver.take<float>(kBlock);
  b.alpha = carver.take<float>(kBlock);
  b.positions = carver.take<int32_t>(kBlock);
  return b;
}

template <class T>
void attend_rows(const QuerySequence<T>& sequence, int64_t first, int64_t n, int64_t keys_begin, int64_t keys_end,
                 const RowBuffers& b) {
  const int64_t d = sequence.layout.d, padded = round_up(d, kStrip), lanes = round_up(n, kLanes);
  pack_query_rows(b.packed, padded, sequence.q, sequence.layout, first, n, sequence.rule.query_factor());
  transpose_block(b.queries, b.packed, padded, n, d);
  for (int64_t i = 0; i < kBlock; ++i) {
    const int64_t row = first + std::min(i, n - 1);  // spare lanes repeat the last row's position: no special case
    b.positions[i] = static_cast<int32_t>(sequence.first_position + row / sequence.layout.group);
    b.maxima[i] = -kInfinity;
    b.sums[i] = 0;
  }
  const int64_t lowest = b.positions[0], highest = b.positions[n - 1];
  keys_begin = std::max(keys_begin, sequence.rule.first_key(lowest) / kBlock * kBlock);
  keys_end = std::min(keys_end, highest + 1);
  Accumulate accumulate = Accumulate::kNo;
  for (int64_t s = keys_begin; s < keys_end; s += kBlock) {
    KeyBlock block = {.first = s, .count = std::min<int64_t>(kBlock, keys_end - s), .masked = false};
    block.masked = block.first + block.count - 1 > lowest || block.first < sequence.rule.first_key(highest);
    pack_rows(b.keys, padded, sequence.k + s * sequence.kv_stride, sequence.kv_stride, block.count, d, 1.0f);
    score_block(b, block, lanes, d, padded);
    const bool rescale = softmax_block(b, block, sequence.rule, lanes);
    if (rescale && accumulate == Accumulate::kYes) scale_rows(b.out, padded, n, b.alpha);
    pack_rows(b.values, padded, sequence.v + s * sequence.kv_stride, sequence.kv_stride, block.count, d, 1.0f);
    value_block(b, block, n, padded, accumulate);
    accumulate = Accumulate::kYes;
  }
  if (accumulate == Accumulate::kNo) std::fill(b.out, b.out + n * padded, 0.0f);
}
template void attend_rows(const QuerySequence<float>&, int64_t, int64_t, int64_t, int64_t, const RowBuffers&);
template void attend_rows(const QuerySequence<bf16>&, int64_t, int64_t, int64_t, int64_t, const RowBuffers&);

float log_sum(float maximum, float sum) { return (maximum + std::log2(sum)) * kLn2; }

}  // namespace lorica::cpu
