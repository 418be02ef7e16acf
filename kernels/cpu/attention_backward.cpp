#include <atomic>
#include <thread>

#include "kernels/cpu/attention_keys.h"
#include "kernels/ops/attention.h"

namespace lorica {
namespace {

using namespace cpu;

constexpr int64_t kTaskKeys = kParts * kBlock;

/// kTaskKeys keys of one document and key/value head. `turns` is where its counters start: for each row block, how many
/// tasks have added to dq so far.
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
  /// First and last task among those whose keys a row block sees.
  int64_t first_key_task(int64_t row_block) const { return rule.first_key(row_block * kBlock / group) / kTaskKeys; }
  int64_t last_key_task(int64_t document, int64_t row_block) const {
    return (std::min(rows(document), (row_block + 1) * kBlock) - 1) / group / kTaskKeys;
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

/// Calls fn(i, token, head) for the rows of a block.
template <class Fn>
void for_each_row(const Problem& p, const RowPlace& place, Fn&& fn) {
  int64_t token = place.token + place.first / p.group, head = place.head + place.first % p.group;
  for (int64_t i = 0; i < place.n; ++i) {
    fn(i, token, head);
    if (++head == place.head + p.group) head = place.head, ++token;
  }
}

template <class T>
void load_rows(const Problem& p, const RowPlace& place, const KeyBuffers& b) {
  const RowLayout layout = {.token_stride = p.heads * p.d, .d = p.d, .group = static_cast<int>(p.group)};
  const int64_t base = (place.token * p.heads + place.head) * p.d;
  pack_query_rows(b.queries, p.padded, p.op.q.as<T>() + base, layout, place.first, place.n, p.rule.query_factor());
  pack_query_rows(b.douts, p.padded, p.op.do_.as<T>() + base, layout, place.first, place.n, 1.0f);
  for_each_row(p, place, [&](int64_t i, int64_t token, int64_t head) {
    b.lse[i] = p.op.lse.as<float>()[head * p.tokens + token] * kLog2e;
    b.d_sums[i] = p.d_sums[token * p.heads + head];
    b.positions[i] = static_cast<int32_t>(token - place.token);
  });
}

/// Adds a task's part of dq, which b.dq holds, to what earlier tasks left; the last one finishes the rows.
template <class T>
void add_dq(const Problem& p, const RowPlace& place, const KeyBuffers& b, bool is_first, bool is_last) {
  const bool direct = p.op.dq.mode == GradMode::kWrite && p.op.q.dtype == Dtype::f32;
  for_each_row(p, place, [&](int64_t i, int64_t token, int64_t head) {
    const int64_t at = (token * p.heads + head) * p.d;
    float* sum = p.dq_sums + at;
    const float* part = b.dq + i * p.padded;
    if (is_first)
      std::copy(part, part + p.d, sum);
    else
      add_row(sum, part, p.d);
    if (is_last && !direct) write_grad_row(p.op.dq.tensor.as<T>() + at, sum, p.d, 1.0f, p.op.dq.mode);
  });
}

/// Waits until the tasks before `turn` have added to this row block's dq. They have all been claimed earlier, so
/// each is done or on its way.
void await_turn(int32_t& counter, int64_t turn) {
  const std::atomic_ref<int32_t> count(counter);
  for (int spins = 0; count.load(std::memory_order_acquire) != turn; ++spins)
    if (spins > 200) std::this_thread::yield();
}

/// The blocks of keys of a task.
struct KeyRange {
  int64_t token, length;  // of the document
  int64_t first, end;     // keys
  int kv_head;

  int64_t part_first(int part) const { return first + part * kBlock; }
  int64_t part_keys(int part) const { return std::clamp<int64_t>(end - part_first(part), 0, kBlock); }
};

/// The parts of all blocks of keys for one row block, dq's left in the shared buffer.
void backward_rows(const Problem& p, const KeyRange& range, const RowPlace& place, Wanted wanted,
                   const std::array<KeyBuffers, kParts>& buffers, std::array<bool, kParts>& started) {
  const int64_t lowest = buffers[0].positions[0], highest = buffers[0].positions[place.n - 1];
  bool adds_to_dq = false;
  for (int part = 0; part < kParts; ++part) {
    const int64_t first = range.part_first(part), keys = range.part_keys(part);
    if (keys == 0 || first > highest || first + keys <= p.rule.first_key(lowest)) continue;
    const bool masked = first + kBlock - 1 > lowest || first < p.rule.first_key(highest);
    const size_t i = static_cast<size_t>(part);
    backward_pair(buffers[i],
                  {.rows = place.n,
                   .keys = keys,
                   .first_key = first,
                   .masked = masked,
                   .first = !started[i],
                   .adds_to_dq = adds_to_dq},
                  p.d, p.rule, wanted);
    started[i] = adds_to_dq = true;
  }
}

template <class T>
void backward_task(const Problem& p, const KeyTask& task, const std::array<KeyBuffers, kParts>& buffers) {
  KeyRange range = {.token = p.cu[task.document],
                    .length = p.length(task.document),
                    .first = int64_t{task.block} * kTaskKeys,
                    .end = 0,
                    .kv_head = task.kv_head};
  range.end = std::min(range.length, range.first + kTaskKeys);
  const Wanted wanted = {.dq = bool(p.op.dq), .dk = bool(p.op.dk), .dv = bool(p.op.dv)};
  const int64_t kv_stride = p.kv_heads * p.d;
  auto kv_offset = [&](int64_t key) { return ((range.token + key) * p.kv_heads + task.kv_head) * p.d; };
  for (int part = 0; part < kParts; ++part) {
    const int64_t at = kv_offset(range.part_first(part));
    if (range.part_keys(part) > 0)
      load_keys(buffers[static_cast<size_t>(part)], p.op.k.as<T>() + at, p.op.v.as<T>() + at, kv_stride,
                range.part_keys(part), p.d, p.rule, wanted);
  }

  // the last token that sees any of these keys, or the end
  const int64_t end_token = p.rule.window > 0 ? std::min(range.length, range.end - 1 + p.rule.window) : range.length;
  std::array<bool, kParts> started{};
  for (int64_t r = range.first * p.group / kBlock; r < ceil_div(end_token * p.group, kBlock); ++r) {
    const RowPlace place = {.first = r * kBlock,
                            .n = std::min<int64_t>(kBlock, p.rows(task.document) - r * kBlock),
                            .token = range.token,
                            .head = task.kv_head * p.group};
    load_rows<T>(p, place, buffers[0]);
    backward_rows(p, range, place, wanted, buffers, started);
    if (!wanted.dq) continue;
    int32_t& counter = p.turns[task.turns + r];
    const int64_t turn = task.block - p.first_key_task(r);
    await_turn(counter, turn);
    add_dq<T>(p, place, buffers[0], turn == 0, task.block == p.last_key_task(task.document, r));
    std::atomic_ref<int32_t>(counter).store(static_cast<int32_t>(turn + 1), std::memory_order_release);
  }
  for (int64_t key = range.first; key < range.end; ++key) {
    const KeyBuffers& b = buffers[static_cast<size_t>((key - range.first) / kBlock)];
    const int64_t row = (key - range.first) % kBlock * p.padded;
    if (wanted.dk)
      write_grad_row(p.op.dk.tensor.as<T>() + kv_offset(key), b.dk + row, p.d, p.rule.undo_query_factor(),
                     p.op.dk.mode);
    if (wanted.dv) write_grad_row(p.op.dv.tensor.as<T>() + kv_offset(key), b.dv + row, p.d, 1.0f, p.op.dv.mode);
  }
}

/// Tasks in the order in which they are claimed: by keys, low ones first since dq adds up in that order (and they
/// are the longest), the documents and heads that are independent side by side.
int64_t list_tasks(CpuBackend& backend, Problem& p, KeyTask*& tasks) {
  const int64_t documents = p.op.cu_seqlens.shape[0] - 1;
  int64_t count = 0, counters = 0, longest = 0;
  for (int64_t i = 0; i < documents; ++i) {
    count += ceil_div(p.length(i), kTaskKeys) * p.kv_heads;
    counters += ceil_div(p.rows(i), kBlock) * p.kv_heads;
    longest = std::max(longest, p.length(i));
  }
  p.turns = backend.scratch<int32_t>(CpuBackend::kScratch2, counters);
  std::fill(p.turns, p.turns + counters, 0);
  tasks = backend.scratch<KeyTask>(CpuBackend::kScratch0, count);
  KeyTask* next = tasks;
  for (int64_t block = 0; block * kTaskKeys < longest; ++block) {
    int64_t turns = 0;
    for (int64_t i = 0; i < documents; ++i)
      for (int64_t head = 0; head < p.kv_heads; ++head, turns += ceil_div(p.rows(i), kBlock))
        if (block * kTaskKeys < p.length(i))
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
