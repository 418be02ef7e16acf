#include "kernels/ops/rms_norm.h"

#include <cmath>

#include "kernels/cpu/rows.h"

namespace lorica {
namespace {

template <class T>
void forward_row(const T* x, const float* w, T* y, float* rstd, int64_t d, float eps) {
  float squares = 0;
#pragma omp simd reduction(+ : squares)
  for (int64_t j = 0; j < d; ++j) squares += cpu::load(x + j) * cpu::load(x + j);
  const float r = 1.0f / std::sqrt(squares / static_cast<float>(d) + eps);
  if (rstd) *rstd = r;
#pragma omp simd
  for (int64_t j = 0; j < d; ++j) cpu::store(y + j, cpu::load(x + j) * r * w[j]);
}

template <class T>
void dw_row(const T* dy, const T* x, float rstd, float* dw, int64_t d) {
#pragma omp simd
  for (int64_t j = 0; j < d; ++j) dw[j] += cpu::load(dy + j) * (cpu::load(x + j) * rstd);
}

template <class T, bool kAdding>
void dx_row(const T* dy, const T* x, const float* w, float rstd, T* dx, int64_t d) {
  float dot = 0;
#pragma omp simd reduction(+ : dot)
  for (int64_t j = 0; j < d; ++j) dot += cpu::load(dy + j) * w[j] * cpu::load(x + j);
  const float back = rstd * rstd * (dot / static_cast<float>(d));
#pragma omp simd
  for (int64_t j = 0; j < d; ++j)
    cpu::put<kAdding>(dx + j, rstd * (cpu::load(dy + j) * w[j] - cpu::load(x + j) * back));
}

}  // namespace

void run(CpuBackend& cpu, const RmsNormFwd& op) {
  const int64_t rows = op.x.shape[0], d = op.x.shape[1];
  const float* const w = cpu::widened(cpu, CpuBackend::kScratch0, op.w, op.weight_offset);
  float* const rstd = op.rstd ? op.rstd.as<float>() : nullptr;
  visit_float(op.x.dtype, [&]<class T> {
    const T* const x = op.x.as<T>();
    T* const y = op.y.as<T>();
    cpu::parallel_for(rows, cpu::rows_per_piece(d), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) forward_row(x + i * d, w, y + i * d, rstd ? rstd + i : nullptr, d, op.eps);
    });
  });
}

void run(CpuBackend& cpu, const RmsNormBwd& op) {
  const int64_t rows = op.x.shape[0], d = op.x.shape[1];
  const float* const w = cpu::widened(cpu, CpuBackend::kScratch0, op.w, op.weight_offset);
  const float* const rstd = op.rstd.as<float>();
  const cpu::RowRanges ranges(rows);
  float* const partials = op.dw ? cpu.scratch<float>(CpuBackend::kScratch1, ranges.count * d) : nullptr;
  visit_float(op.x.dtype, [&]<class T> {
    const T* const dy = op.dy.as<T>();
    const T* const x = op.x.as<T>();
    cpu::parallel_for(rows, ranges.rows_each, [&](int64_t begin, int64_t end) {
      float* const dw = partials ? partials + begin / ranges.rows_each * d : nullptr;
      if (dw) std::fill_n(dw, d, 0.0f);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t at = i * d;
        if (dw) dw_row(dy + at, x + at, rstd[i], dw, d);
        cpu::visit_grad(op.dx.mode, [&]<bool kAdding> {
          dx_row<T, kAdding>(dy + at, x + at, w, rstd[i], op.dx.tensor.template as<T>() + at, d);
        });
      }
    });
  });
  cpu::add_partials(partials, ranges.count, d, op.dw);
}

}  // namespace lorica
