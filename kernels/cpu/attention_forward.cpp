#include "kernels/cpu/attention_rows.h"
#include "kernels/ops/attention.h"

namespace lorica {
namespace {

using namespace cpu;

/// kTaskRows rows of one document and key/value head.
struct RowTask {
  int32_t document, kv_head, block;
};

int64_t row_blocks(const int32_t* cu, int64_t document, int64_t group) {
  return ceil_div((cu[document + 1] - cu[document]) * group, kTaskRows);
}

template <class T>
void forward_task(const AttentionFwd& op, const RowTask& task, const RowBuffers& buffers) {
  const int64_t tokens = op.q.shape[0], heads = op.q.shape[1], d = op.q.shape[2], kv_heads = op.k.shape[1];
  const int64_t group = heads / kv_heads, padded = round_up(d, kStrip);
  const int64_t begin = op.cu_seqlens.as<int32_t>()[task.document];
  const int64_t length = op.cu_seqlens.as<int32_t>()[task.document + 1] - begin;
  const int64_t first_head = task.kv_head * group;
  const int64_t q_offset = (begin * heads + first_head) * d, kv_offset = (begin * kv_heads + task.kv_head) * d;
  const QuerySequence<T> sequence = {
      .q = op.q.as<T>() + q_offset,
      .k = op.k.as<T>() + kv_offset,
      .v = op.v.as<T>() + kv_offset,
      .layout = {.token_stride = heads * d, .d = d, .group = static_cast<int>(group)},
      .kv_stride = kv_heads * d,
      .first_position = 0,
      .rule = {.scale = op.scale, .window = op.window, .softcap = op.softcap},
  };
  const int64_t first = int64_t{task.block} * kTaskRows, n = std::min<int64_t>(kTaskRows, length * group - first);
  attend_rows(sequence, first, n, 0, length, buffers);
  for (int64_t i = 0; i < n; ++i) {
    const int64_t row = first + i;
    const float inverse = 1.0f / buffers.sums[i];
    unpack_row(op.o.as<T>() + q_offset + sequence.layout.offset_of(row), buffers.out + i * padded, d, inverse);
    if (op.lse)
      op.lse.as<float>()[(first_head + row % group) * tokens + begin + row / group] =
          log_sum(buffers.maxima[i], buffers.sums[i]);
  }
}

}  // namespace

void run(CpuBackend& backend, const AttentionFwd& op) {
  const int32_t* cu = op.cu_seqlens.as<int32_t>();
  const int64_t documents = op.cu_seqlens.shape[0] - 1, kv_heads = op.k.shape[1], group = op.q.shape[1] / kv_heads;
  expect_cu_seqlens("AttentionFwd", "cu_seqlens", cu, documents, op.q.shape[0]);

  int64_t count = 0;
  for (int64_t i = 0; i < documents; ++i) count += row_blocks(cu, i, group) * kv_heads;
  RowTask* tasks = backend.scratch<RowTask>(CpuBackend::kScratch0, count);
  RowTask* next = tasks;
  for (int64_t i = 0; i < documents; ++i)
    for (int64_t block = row_blocks(cu, i, group); block-- > 0;)  // the longest rows first: threads end together
      for (int64_t head = 0; head < kv_heads; ++head)
        *next++ = {static_cast<int32_t>(i), static_cast<int32_t>(head), static_cast<int32_t>(block)};

  Carver sizes;
  RowBuffers::carve(sizes, op.q.shape[2]);
  const ThreadSlices slices(backend, CpuBackend::kScratch1, sizes.used());
  visit_float(op.q.dtype, [&]<class T>() {
    claim_in_order(count, [&](int64_t i, int thread) {
      Carver carver(slices.of(thread));
      forward_task<T>(op, tasks[i], RowBuffers::carve(carver, op.q.shape[2]));
    });
  });
}

}  // namespace lorica
