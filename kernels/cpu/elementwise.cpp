#include "kernels/ops/elementwise.h"

#include <cstring>

#include "kernels/cpu/rows.h"

namespace lorica {

void run(CpuBackend&, const Add& op) {
  visit_float(op.y.dtype, [&]<class T> {
    const T* const a = op.a.as<T>();
    const T* const b = op.b.as<T>();
    T* const y = op.y.as<T>();
    cpu::parallel_for(op.y.elements(), cpu::kPieceElements, [&](int64_t begin, int64_t end) {
#pragma omp simd
      for (int64_t i = begin; i < end; ++i) cpu::store(y + i, cpu::load(a + i) + cpu::load(b + i));
    });
  });
}

void run(CpuBackend&, const Accumulate& op) {
  if (!op.dx) return;
  const float scale = op.scale;
  visit_float(op.dy.dtype, [&]<class From> {
    visit_float(op.dx.tensor.dtype, [&]<class To> {
      cpu::visit_grad(op.dx.mode, [&]<bool kAdding> {
        const From* const dy = op.dy.as<From>();
        To* const dx = op.dx.tensor.template as<To>();
        cpu::parallel_for(op.dy.elements(), cpu::kPieceElements, [&](int64_t begin, int64_t end) {
#pragma omp simd
          for (int64_t i = begin; i < end; ++i) cpu::put<kAdding>(dx + i, cpu::load(dy + i) * scale);
        });
      });
    });
  });
}

void run(CpuBackend&, const Cast& op) {
  visit_float(op.x.dtype, [&]<class From> {
    visit_float(op.y.dtype, [&]<class To> {
      const From* const x = op.x.as<From>();
      To* const y = op.y.as<To>();
      cpu::parallel_for(op.y.elements(), cpu::kPieceElements, [&](int64_t begin, int64_t end) {
#pragma omp simd
        for (int64_t i = begin; i < end; ++i) cpu::store(y + i, cpu::load(x + i));
      });
    });
  });
}

void run(CpuBackend&, const GatherRows& op) {
  cpu::expect_indices("GatherRows", "rows", op.rows, op.x.shape[0]);
  const int64_t width = op.x.shape[1];
  const size_t row_bytes = static_cast<size_t>(width) * size_of(op.x.dtype);
  const int32_t* const rows = op.rows.as<int32_t>();
  const char* const x = static_cast<const char*>(op.x.data);
  char* const y = static_cast<char*>(op.y.data);
  if (row_bytes == 0) return;
  cpu::parallel_for(op.y.shape[0], cpu::rows_per_piece(width), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      std::memcpy(y + static_cast<size_t>(i) * row_bytes, x + static_cast<size_t>(rows[i]) * row_bytes, row_bytes);
  });
}

}  // namespace lorica
