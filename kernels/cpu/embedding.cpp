#include "kernels/ops/embedding.h"

#include "kernels/cpu/rows.h"

namespace lorica {

void run(CpuBackend&, const EmbeddingFwd& op) {
  cpu::expect_indices("EmbeddingFwd", "ids", op.ids, op.table.shape[0]);
  const int64_t rows = op.y.shape[0], d = op.y.shape[1];
  const int32_t* const ids = op.ids.as<int32_t>();
  const float scale = op.scale;
  visit_float(op.table.dtype, [&]<class W> {
    visit_float(op.y.dtype, [&]<class T> {
      const W* const table = op.table.as<W>();
      T* const y = op.y.as<T>();
      cpu::parallel_for(rows, cpu::rows_per_piece(d), [&](int64_t begin, int64_t end) {
        for (int64_t t = begin; t < end; ++t) {
          const W* const from = table + ids[t] * d;
          T* const to = y + t * d;
#pragma omp simd
          for (int64_t j = 0; j < d; ++j) cpu::store(to + j, cpu::load(from + j) * scale);
        }
      });
    });
  });
}

void run(CpuBackend&, const EmbeddingBwd& op) {
  if (!op.dtable) return;
  const int64_t vocabulary = op.dtable.tensor.shape[0], rows = op.dy.shape[0], d = op.dy.shape[1];
  cpu::expect_indices("EmbeddingBwd", "ids", op.ids, vocabulary);
  const int32_t* const ids = op.ids.as<int32_t>();
  float* const table = op.dtable.tensor.as<float>();
  const float scale = op.scale;
  if (op.dtable.mode == GradMode::kWrite)
    cpu::parallel_for(vocabulary * d, cpu::kPieceElements,
                      [&](int64_t begin, int64_t end) { std::fill(table + begin, table + end, 0.0f); });
  // Pieces are columns: each walks all tokens in order, so no two pieces touch the same element.
  constexpr int64_t kColumns = 64;
  visit_float(op.dy.dtype, [&]<class T> {
    const T* const dy = op.dy.as<T>();
    cpu::parallel_for(d, kColumns, [&](int64_t begin, int64_t end) {
      for (int64_t t = 0; t < rows; ++t) {
        const T* const from = dy + t * d;
        float* const to = table + ids[t] * d;
#pragma omp simd
        for (int64_t j = begin; j < end; ++j) to[j] += cpu::load(from + j) * scale;
      }
    });
  });
}

}  // namespace lorica
