#include "kernels/cpu/attention_rows.h"

#include <array>
#include <cmath>
#include <limits>
#include <span>

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

/// What one block of rows has seen so far.
struct RowPart {
  RowBuffers b;
  int64_t n, lowest, highest;  // rows, positions of the first and last
  Accumulate accumulate = Accumulate::kNo;
};

template <class T>
RowPart load_part(const QuerySequence<T>& sequence, int64_t first, int64_t n, const RowBuffers& b) {
  const int64_t d = sequence.layout.d, padded = round_up(d, kStrip);
  pack_query_rows(b.packed, padded, sequence.q, sequence.layout, first, n, sequence.rule.query_factor());
  transpose_block(b.queries, b.packed, padded, n, d);
  for (int64_t i = 0; i < kBlock; ++i) {
    const int64_t row = first + std::min(i, n - 1);  // spare lanes repeat the last row's position: no special case
    b.positions[i] = static_cast<int32_t>(sequence.first_position + row / sequence.layout.group);
    b.maxima[i] = -kInfinity;
    b.sums[i] = 0;
  }
  return {.b = b, .n = n, .lowest = b.positions[0], .highest = b.positions[n - 1]};
}

/// One block of rows against one packed block of keys and values.
void attend_block(RowPart& part, int64_t first_key, int64_t keys, const ScoreRule& rule, int64_t d) {
  const int64_t padded = round_up(d, kStrip), lanes = round_up(part.n, kLanes);
  KeyBlock block = {.first = first_key, .count = std::min(keys, part.highest + 1 - first_key), .masked = false};
  if (block.count <= 0 || first_key + keys <= rule.first_key(part.lowest)) return;
  block.masked = first_key + block.count - 1 > part.lowest || first_key < rule.first_key(part.highest);
  score_block(part.b, block, lanes, d, padded);
  const bool rescale = softmax_block(part.b, block, rule, lanes);
  if (rescale && part.accumulate == Accumulate::kYes) scale_rows(part.b.out, padded, part.n, part.b.alpha);
  value_block(part.b, block, part.n, padded, part.accumulate);
  part.accumulate = Accumulate::kYes;
}

}  // namespace

RowBuffers RowBuffers::carve(Carver& carver, int64_t d) {
  const int64_t padded = round_up(d, kStrip);
  RowBuffers b;
  b.packed = carver.take<float>(kBlock * padded);
  b.keys = carver.take<float>(kBlock * padded);
  b.values = carver.take<float>(kBlock * padded);
  b.scores = carver.take<float>(kBlock * kBlock);
  b.alpha = carver.take<float>(kBlock);
  b.queries = carver.take<float>(kParts * d * kBlock);
  b.out = carver.take<float>(kTaskRows * padded);
  b.maxima = carver.take<float>(kTaskRows);
  b.sums = carver.take<float>(kTaskRows);
  b.positions = carver.take<int32_t>(kTaskRows);
  return b;
}

RowBuffers RowBuffers::part(int index, int64_t d) const {
  RowBuffers b = *this;
  b.queries += index * d * kBlock;
  b.out += index * kBlock * round_up(d, kStrip);
  b.maxima += index * kBlock;
  b.sums += index * kBlock;
  b.positions += index * kBlock;
  return b;
}

template <class T>
void attend_rows(const QuerySequence<T>& sequence, int64_t first, int64_t n, int64_t keys_begin, int64_t keys_end,
                 const RowBuffers& b) {
  const int64_t d = sequence.layout.d, padded = round_up(d, kStrip), stride = sequence.kv_stride;
  std::array<RowPart, kParts> parts;
  const int count = static_cast<int>(ceil_div(n, kBlock));
  for (int i = 0; i < count; ++i)
    parts[static_cast<size_t>(i)] =
        load_part(sequence, first + i * kBlock, std::min<int64_t>(kBlock, n - i * kBlock), b.part(i, d));
  const std::span<RowPart> used(parts.data(), static_cast<size_t>(count));
  keys_begin = std::max(keys_begin, sequence.rule.first_key(used.front().lowest) / kBlock * kBlock);
  keys_end = std::min(keys_end, used.back().highest + 1);
  for (int64_t s = keys_begin; s < keys_end; s += kBlock) {
    const int64_t keys = std::min<int64_t>(kBlock, keys_end - s);
    pack_rows(b.keys, padded, sequence.k + s * stride, stride, keys, d, 1.0f);
    pack_rows(b.values, padded, sequence.v + s * stride, stride, keys, d, 1.0f);
    for (RowPart& part : used) attend_block(part, s, keys, sequence.rule, d);
  }
  for (const RowPart& part : used)
    if (part.accumulate == Accumulate::kNo) std::fill(part.b.out, part.b.out + part.n * padded, 0.0f);
}
template void attend_rows(const QuerySequence<float>&, int64_t, int64_t, int64_t, int64_t, const RowBuffers&);
template void attend_rows(const QuerySequence<bf16>&, int64_t, int64_t, int64_t, int64_t, const RowBuffers&);

float log_sum(float maximum, float sum) { return (maximum + std::log2(sum)) * kLn2; }

}  // namespace lorica::cpu
