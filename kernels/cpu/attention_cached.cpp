#include <cmath>
#include <limits>

#include "kernels/cpu/attention_rows.h"
#include "kernels/ops/attention.h"

namespace lorica {
namespace {

using namespace cpu;

/// A decoding sequence's cache is split into pieces of this many keys, so that few sequences still fill all cores. The
/// pieces never depend on the number of threads, nor do the results.
constexpr int64_t kPieceKeys = 512;

/// Rows of one sequence and key/value head against one piece of its cache. Rows against a single piece go straight to
/// the output (partial < 0); others leave sums in slot `partial`.
struct CachedTask {
  int32_t sequence, kv_head, block, piece, pieces;
  int64_t partial;
};

/// Where the pieces of a row block leave [kTaskRows] maxima, [kTaskRows] sums and [kTaskRows, padded d] outputs.
struct Partials {
  float* memory;
  int64_t padded;
  int64_t stride() const { return kTaskRows * (2 + padded); }
  float* maxima(int64_t slot) const { return memory + slot * stride(); }
  float* sums(int64_t slot) const { return maxima(slot) + kTaskRows; }
  float* out(int64_t slot) const { return sums(slot) + kTaskRows; }
};

struct Shapes {
  int64_t heads, kv_heads, group, d, padded, capacity;
  const int32_t *cu_q, *kv_lens;

  explicit Shapes(const AttentionCached& op)
      : heads(op.q.shape[1]),
        kv_heads(op.k_cache.shape[2]),
        group(heads / kv_heads),
        d(op.q.shape[2]),
        padded(round_up(d, kStrip)),
        capacity(op.k_cache.shape[1]),
        cu_q(op.cu_q.as<int32_t>()),
        kv_lens(op.kv_lens.as<int32_t>()) {}
  int64_t rows(int64_t sequence) const { return (cu_q[sequence + 1] - cu_q[sequence]) * group; }
  RowLayout layout() const { return {.token_stride = heads * d, .d = d, .group = static_cast<int>(group)}; }
  int64_t q_offset(const CachedTask& task) const { return (cu_q[task.sequence] * heads + task.kv_head * group) * d; }
};

int64_t piece_count(const Shapes& shapes, int64_t sequence) {
  return shapes.rows(sequence) <= kTaskRows ? ceil_div(shapes.kv_lens[sequence], kPieceKeys) : 1;
}

template <class T>
void write_rows(const AttentionCached& op, const Shapes& shapes, const CachedTask& task, int64_t n, const float* out,
                const float* sums) {
  T* o = op.o.as<T>() + shapes.q_offset(task);
  for (int64_t i = 0; i < n; ++i)
    unpack_row(o + shapes.layout().offset_of(int64_t{task.block} * kTaskRows + i), out + i * shapes.padded, shapes.d,
               1.0f / sums[i]);
}

template <class T>
void cached_task(const AttentionCached& op, const Shapes& shapes, const CachedTask& task, RowBuffers buffers,
                 const Partials& partials) {
  const int64_t keys = shapes.kv_lens[task.sequence];
  const int64_t kv_offset = (task.sequence * shapes.capacity * shapes.kv_heads + task.kv_head) * shapes.d;
  const QuerySequence<T> sequence = {
      .q = op.q.as<T>() + shapes.q_offset(task),
      .k = op.k_cache.as<T>() + kv_offset,
      .v = op.v_cache.as<T>() + kv_offset,
      .layout = shapes.layout(),
      .kv_stride = shapes.kv_heads * shapes.d,
      .first_position = keys - shapes.rows(task.sequence) / shapes.group,
      .rule = {.scale = op.scale, .window = op.window, .softcap = op.softcap},
  };
  const int64_t first = int64_t{task.block} * kTaskRows;
  const int64_t n = std::min<int64_t>(kTaskRows, shapes.rows(task.sequence) - first);
  if (task.pieces == 1) {
    attend_rows(sequence, first, n, 0, keys, buffers);
    write_rows<T>(op, shapes, task, n, buffers.out, buffers.sums);
    return;
  }
  buffers.maxima = partials.maxima(task.partial);
  buffers.sums = partials.sums(task.partial);
  buffers.out = partials.out(task.partial);
  attend_rows(sequence, first, n, task.piece * kPieceKeys, std::min(keys, (task.piece + 1) * kPieceKeys), buffers);
}

/// Joins the pieces of a row block, in order, into the first one's slot and writes the rows. `task` is the first piece.
template <class T>
void join_pieces(const AttentionCached& op, const Shapes& shapes, const CachedTask& task, const Partials& partials) {
  const int64_t n = shapes.rows(task.sequence);
  for (int64_t i = 0; i < n; ++i) {
    float maximum = -std::numeric_limits<float>::infinity();
    for (int64_t p = 0; p < task.pieces; ++p) maximum = std::max(maximum, partials.maxima(task.partial + p)[i]);
    if (std::isinf(maximum) && maximum < 0) maximum = 0;
    float* out = partials.out(task.partial) + i * shapes.padded;
    float& sum = partials.sums(task.partial)[i];
    for (int64_t p = 0; p < task.pieces; ++p) {
      const float weight = std::exp2(partials.maxima(task.partial + p)[i] - maximum);
      const float* piece = partials.out(task.partial + p) + i * shapes.padded;
      for (int64_t c = 0; c < shapes.d; ++c) out[c] = (p == 0 ? 0 : out[c]) + weight * piece[c];
      sum = (p == 0 ? 0 : sum) + weight * partials.sums(task.partial + p)[i];
    }
  }
  write_rows<T>(op, shapes, task, n, partials.out(task.partial), partials.sums(task.partial));
}

void check_lengths(const AttentionCached& op, const Shapes& shapes, int64_t sequences) {
  expect_cu_seqlens("AttentionCached", "cu_q", shapes.cu_q, sequences, op.q.shape[0]);
  for (int64_t i = 0; i < sequences; ++i) {
    const int64_t fresh = shapes.cu_q[i + 1] - shapes.cu_q[i], keys = shapes.kv_lens[i];
    if (keys < fresh || keys > shapes.capacity)
      throw Error("AttentionCached: kv_lens: expected {} (new tokens) to {} (capacity) at index {}, got {}", fresh,
                  shapes.capacity, i, keys);
  }
}

}  // namespace

void run(CpuBackend& backend, const AttentionCached& op) {
  const Shapes shapes(op);
  const int64_t sequences = op.k_cache.shape[0];
  check_lengths(op, shapes, sequences);

  int64_t count = 0, partial_count = 0;
  for (int64_t i = 0; i < sequences; ++i)
    count += ceil_div(shapes.rows(i), kTaskRows) * piece_count(shapes, i) * shapes.kv_heads;
  CachedTask* tasks = backend.scratch<CachedTask>(CpuBackend::kScratch0, count);
  CachedTask* next = tasks;
  for (int64_t i = 0; i < sequences; ++i)
    for (int64_t block = ceil_div(shapes.rows(i), kTaskRows); block-- > 0;)
      for (int64_t head = 0; head < shapes.kv_heads; ++head) {
        const int64_t pieces = piece_count(shapes, i);
        for (int64_t piece = 0; piece < pieces; ++piece)
          *next++ = {.sequence = static_cast<int32_t>(i),
                     .kv_head = static_cast<int32_t>(head),
                     .block = static_cast<int32_t>(block),
                     .piece = static_cast<int32_t>(piece),
                     .pieces = static_cast<int32_t>(pieces),
                     .partial = pieces > 1 ? partial_count++ : -1};
      }

  Partials partials{.memory = nullptr, .padded = shapes.padded};
  partials.memory = backend.scratch<float>(CpuBackend::kScratch2, partial_count * partials.stride());
  Carver sizes;
  RowBuffers::carve(sizes, shapes.d);
  const ThreadSlices slices(backend, CpuBackend::kScratch1, sizes.used());
  visit_float(op.q.dtype, [&]<class T>() {
    claim_in_order(count, [&](int64_t i, int thread) {
      Carver carver(slices.of(thread));
      cached_task<T>(op, shapes, tasks[i], RowBuffers::carve(carver, shapes.d), partials);
    });
    if (partial_count == 0) return;
    claim_in_order(count, [&](int64_t i, int) {
      if (tasks[i].pieces > 1 && tasks[i].piece == 0) join_pieces<T>(op, shapes, tasks[i], partials);
    });
  });
}

}  // namespace lorica
