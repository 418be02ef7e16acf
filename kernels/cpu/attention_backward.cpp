#include <atomic>
#include <thread>

#include "kernels/cpu/attention_keys.h"
#include "kernels/ops/attention.h"

namespace lorica {
namespace {

using namespace cpu;

/// 64 keys of one document and key/value head. `turns` counts, for each row block of that pair, the key blocks that
/// have added to dq so far.
struct KeyTask {
  int32_t document, kv_head, block;
  int64_t turns;
};

/// What is the same for all tasks.
struct Problem {
  const AttentionBwd& op;
  int64_t tokens, heads, kv_heads, group, d, padded;
  const int32_t* cu;
  ScoreRule rule;
  const float* d_sums;  // [T, H], D_t of the header
  float* dq_sums;       // [T, H, d]: dq itself where it is f32 and overwritten
  int32_t* turns;

  explicit Problem(const AttentionBwd& bwd)
      : op(bwd),
        tokens(bwd.q.shape[0]),
        heads(bwd.q.shape[1]),
        kv_heads(bwd.k.shape[1]),
        group(heads / kv_heads),
        d(bwd.q.shape[2]),
        padded(round_up(d, kStrip)),
        cu(bwd.cu_seqlens.as<int32_t>()),
        rule{.scale = bwd.scale, .window = bwd.window, .softcap = bwd.softcap} {}
  int64_t length(int64_t document) const { return cu[document + 1] - cu[document]; }
  int64_t rows(int64_t document) const { return length(document) * group; }
  /// First and last key block that a row block sees.
  int64_t first_key_block(int64_t row_block) const { return rule.first_key(row_block * kBlock / group) / kBlock; }
  int64_t last_key_block(int64_t document, int64_t row_block) const {
    return (std::min(rows(document), (row_block + 1) * kBlock) - 1) / group / kBlock;
  }
};

/// D_t = do_t . o_t for every token and head.
template <class T>
void row_sums(const AttentionBwd& op, int64_t d, float* sums) {
  const int64_t rows = op.q.shape[0] * op.q.shape[1];
  const T *dy = op.do_.as<T>(), *o = op.o.as<T>();
#pragma omp parallel for schedule(static)
  for (int64_t i = 0; i < rows; ++i) sums[i] = dot_row(dy + i * d, o + i * d, d);
}

/// Where a row block's values lie in the whole tensors.
struct RowPlace {
  int64_t first, n;     // rows of the sequence
  int64_t token, head;  // of the sequence's row 0
};

template <class T>
void load_rows(const Problem& p, const RowPlace& place, const KeyBuffers& b) {
  const RowLayout layout = {.token_stride = p.heads * p.d, .d = p.d, .group = static_cast<int>(p.group)};
  const int64_t base = (place.token * p.heads + place.head) * p.d;
  pack_query_rows(b.queries, p.padded, p.op.q.as<T>() + base, layout, place.first, place.n, p.rule.query_factor());
  pack_query_rows(b.douts, p.padded, p.op.do_.as<T>() + base, layout, place.first, place.n, 1.0f);
  for (int64_t i = 0; i < place.n; ++i) {
    const int64_t row = place.first + i, token = place.token + row / p.group, head = place.head + row % p.group;
    b.lse[i] = p.op.lse.as<float>()[head * p.tokens + token] * kLog2e;
    b.d_sums[i] = p.d_sums[token * p.heads + head];
    b.positions[i] = static_cast<int32_t>(row / p.group);
  }
}

/// Adds a key block's part of dq, which b.dq holds, to what earlier key blocks left; the last one finishes the rows.
template <class T>
void add_dq(const Problem& p, const RowPlace& place, const KeyBuffers& b, bool is_first, bool is_last) {
  const bool direct = p.op.dq.mode == GradMode::kWrite && p.op.q.dtype == Dtype::f32;
  for (int64_t i = 0; i < place.n; ++i) {
    const int64_t row = place.first + i, token = place.token + row / p.group, head = place.head + row % p.group;
    const int64_t at = (token * p.heads + head) * p.d;
    float* sum = p.dq_sums + at;
    const float* part = b.dq + i * p.padded;
    if (is_first)
      std::copy(part, part + p.d, sum);
    else
      add_row(sum, part, p.d);
    if (is_last && !direct) write_grad_row(p.op.dq.tensor.as<T>() + at, sum, p.d, 1.0f, p.op.dq.mode);
  }
}

/// Blocks until all key blocks before `turn` have added to this row block's dq. They have all been claimed earlier, so
/// each is done or on its way.
void await_turn(int32_t& counter, int64_t turn) {
  const std::atomic_ref<int32_t> count(counter);
  for (int spins = 0; count.load(std::memory_order_acquire) != turn; ++spins)
    if (spins > 200) std::this_thread::yield();
}

template <class T>
void backward_task(const Problem& p, const KeyTask& task, const KeyBuffers& b) {
  const int64_t token = p.cu[task.document], length = p.length(task.document);
  const int64_t first_key = int64_t{task.block} * kBlock, keys = std::min<int64_t>(kBlock, length - first_key);
  const int64_t kv_stride = p.kv_heads * p.d, kv_base = ((token + first_key) * p.kv_heads + task.kv_head) * p.d;
  const Wanted wanted = {.dq = bool(p.op.dq), .dk = bool(p.op.dk), .dv = bool(p.op.dv)};
  load_keys(b, p.op.k.as<T>() + kv_base, p.op.v.as<T>() + kv_base, kv_stride, keys, p.d, p.rule, wanted);

  // the last row that sees any of these keys, or the end
  const int64_t end_token = p.rule.window > 0 ? std::min(length, first_key + keys - 1 + p.rule.window) : length;
  const int64_t first_block = first_key * p.group / kBlock, end_block = ceil_div(end_token * p.group, kBlock);
  for (int64_t r = first_block; r < end_block; ++r) {
    const RowPlace place = {.first = r * kBlock,
                            .n = std::min<int64_t>(kBlock, p.rows(task.document) - r * kBlock),
                            .token = token,
                            .head = task.kv_head * p.group};
    load_rows<T>(p, place, b);
    const bool masked =
        first_key + kBlock - 1 > b.positions[0] || first_key < p.rule.first_key(b.positions[place.n - 1]);
    const PairBlock pair = {
        .rows = place.n, .keys = keys, .first_key = first_key, .masked = masked, .first = r == first_block};
    backward_pair(b, pair, p.d, p.rule, wanted);
    if (!wanted.dq) continue;
    int32_t& counter = p.turns[task.turns + r];
    const int64_t turn = task.block - p.first_key_block(r);
    await_turn(counter, turn);
    add_dq<T>(p, place, b, turn == 0, task.block == p.last_key_block(task.document, r));
    std::atomic_ref<int32_t>(counter).store(static_cast<int32_t>(turn + 1), std::memory_order_release);
  }
  for (int64_t i = 0; i < keys; ++i) {
    const int64_t at = kv_base + i * kv_stride;
    if (wanted.dk)
      write_grad_row(p.op.dk.tensor.as<T>() + at, b.dk + i * p.padded, p.d, p.rule.undo_query_factor(), p.op.dk.mode);
    if (wanted.dv) write_grad_row(p.op.dv.tensor.as<T>() + at, b.dv + i * p.padded, p.d, 1.0f, p.op.dv.mode);
  }
}

/// Tasks in the order in which they are claimed: by key block, low ones first since dq adds up in that order (and they
/// are the longest), the documents and heads that are independent side by side.
int64_t list_tasks(CpuBackend& backend, Problem& p, KeyTask*& tasks) {
  const int64_t documents = p.op.cu_seqlens.shape[0] - 1;
  int64_t count = 0, counters = 0, longest = 0;
  for (int64_t i = 0; i < documents; ++i) {
    count += ceil_div(p.length(i), kBlock) * p.kv_heads;
    counters += ceil_div(p.rows(i), kBlock) * p.kv_heads;
    longest = std::max(longest, p.length(i));
  }
  p.turns = backend.scratch<int32_t>(CpuBackend::kScratch2, counters);
  std::fill(p.turns, p.turns + counters, 0);
  tasks = backend.scratch<KeyTask>(CpuBackend::kScratch0, count);
  KeyTask* next = tasks;
  for (int64_t block = 0; block * kBlock < longest; ++block) {
    int64_t turns = 0;
    for (int64_t i = 0; i < documents; ++i)
      for (int64_t head = 0; head < p.kv_heads; ++head, turns += ceil_div(p.rows(i), kBlock))
        if (block * kBlock < p.length(i))
          *next++ = {static_cast<int32_t>(i), static_cast<int32_t>(head), static_cast<int32_t>(block), turns};
  }
  return count;
}

}  // namespace

void run(CpuBackend& backend, const AttentionBwd& op) {
  expect_cu_seqlens("AttentionBwd", "cu_seqlens", op.cu_seqlens.as<int32_t>(), op.cu_seqlens.shape[0] - 1,
                    op.q.shape[0]);
  if (!op.dq && !op.dk && !op.dv) return;
  Problem problem(op);
  KeyTask* tasks = nullptr;
  const int64_t count = list_tasks(backend, problem, tasks);

  const bool direct = op.dq.mode == GradMode::kWrite && op.q.dtype == Dtype::f32;
  const int64_t rows = problem.tokens * problem.heads;
  Carver sums(
      backend.scratch(CpuBackend::kScratch3,
                      static_cast<size_t>(rows * (1 + (op.dq && !direct ? problem.d : 0)) + 32) * sizeof(float)));
  float* d_sums = sums.take<float>(rows);
  problem.d_sums = d_sums;
  problem.dq_sums = direct ? op.dq.tensor.as<float>() : sums.take<float>(0);

  Carver sizes;
  KeyBuffers::carve(sizes, problem.d);
  const ThreadSlices slices(backend, CpuBackend::kScratch1, sizes.used());
  visit_float(op.q.dtype, [&]<class T>() {
    row_sums<T>(op, problem.d, d_sums);
    claim_in_order(count, [&](int64_t i, int thread) {
      Carver carver(slices.of(thread));
      backward_task<T>(problem, tasks[i], KeyBuffers::carve(carver, problem.d));
    });
  });
}

}  // namespace lorica
