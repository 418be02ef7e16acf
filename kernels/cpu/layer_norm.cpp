#include "kernels/ops/layer_norm.h"

#include <cmath>

#include "kernels/cpu/rows.h"

namespace lorica {
namespace {

struct Moments {
  float mean, rstd;
};

template <class T>
Moments row_moments(const T* x, int64_t d, float eps) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < d; ++j) sum += cpu::load(x + j);
  const float mean = sum / static_cast<float>(d);
  float squares = 0;
#pragma omp simd reduction(+ : squares)
  for (int64_t j = 0; j < d; ++j) squares += (cpu::load(x + j) - mean) * (cpu::load(x + j) - mean);
  return {mean, 1.0f / std::sqrt(squares / static_cast<float>(d) + eps)};
}

template <class T>
void normalise_row(const T* x, Moments m, const float* w, const float* b, T* y, int64_t d) {
  if (b) {
#pragma omp simd
    for (int64_t j = 0; j < d; ++j) cpu::store(y + j, (cpu::load(x + j) - m.mean) * m.rstd * w[j] + b[j]);
  } else {
#pragma omp simd
    for (int64_t j = 0; j < d; ++j) cpu::store(y + j, (cpu::load(x + j) - m.mean) * m.rstd * w[j]);
  }
}

template <class T>
void dw_row(const T* dy, const T* x, Moments m, float* dw, int64_t d) {
#pragma omp simd
  for (int64_t j = 0; j < d; ++j) dw[j] += cpu::load(dy + j) * ((cpu::load(x + j) - m.mean) * m.rstd);
}

template <class T>
void db_row(const T* dy, float* db, int64_t d) {
#pragma omp simd
  for (int64_t j = 0; j < d; ++j) db[j] += cpu::load(dy + j);
}

template <class T, bool kAdding>
void dx_row(const T* dy, const T* x, const float* w, Moments m, T* dx, int64_t d) {
  float sum = 0, dot = 0;
#pragma omp simd reduction(+ : sum, dot)
  for (int64_t j = 0; j < d; ++j) {
    const float g = cpu::load(dy + j) * w[j];
    sum += g;
    dot += g * ((cpu::load(x + j) - m.mean) * m.rstd);
  }
  const float mean_g = sum / static_cast<float>(d), mean_gn = dot / static_cast<float>(d);
#pragma omp simd
  for (int64_t j = 0; j < d; ++j) {
    const float n = (cpu::load(x + j) - m.mean) * m.rstd;
    cpu::put<kAdding>(dx + j, m.rstd * (cpu::load(dy + j) * w[j] - mean_g - n * mean_gn));
  }
}

}  // namespace

void run(CpuBackend& cpu, const LayerNormFwd& op) {
  const int64_t rows = op.x.shape[0], d = op.x.shape[1];
  const float* const w = cpu::widened(cpu, CpuBackend::kScratch0, op.w);
  const float* const b = op.b ? cpu::widened(cpu, CpuBackend::kScratch1, op.b) : nullptr;
  float* const mean = op.mean ? op.mean.as<float>() : nullptr;
  float* const rstd = op.rstd ? op.rstd.as<float>() : nullptr;
  visit_float(op.x.dtype, [&]<class T> {
    const T* const x = op.x.as<T>();
    T* const y = op.y.as<T>();
    cpu::parallel_for(rows, cpu::rows_per_piece(d), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const Moments m = row_moments(x + i * d, d, op.eps);
        if (mean) mean[i] = m.mean;
        if (rstd) rstd[i] = m.rstd;
        normalise_row(x + i * d, m, w, b, y + i * d, d);
      }
    });
  });
}

void run(CpuBackend& cpu, const LayerNormBwd& op) {
  const int64_t rows = op.x.shape[0], d = op.x.shape[1];
  const float* const w = cpu::widened(cpu, CpuBackend::kScratch0, op.w);
  const float* const mean = op.mean.as<float>();
  const float* const rstd = op.rstd.as<float>();
  const cpu::RowRanges ranges(rows);
  float* const dw_partials = op.dw ? cpu.scratch<float>(CpuBackend::kScratch1, ranges.count * d) : nullptr;
  float* const db_partials = op.db ? cpu.scratch<float>(CpuBackend::kScratch2, ranges.count * d) : nullptr;
  visit_float(op.x.dtype, [&]<class T> {
    const T* const dy = op.dy.as<T>();
    const T* const x = op.x.as<T>();
    cpu::parallel_for(rows, ranges.rows_each, [&](int64_t begin, int64_t end) {
      float* const dw = dw_partials ? dw_partials + begin / ranges.rows_each * d : nullptr;
      float* const db = db_partials ? db_partials + begin / ranges.rows_each * d : nullptr;
      if (dw) std::fill_n(dw, d, 0.0f);
      if (db) std::fill_n(db, d, 0.0f);
      for (int64_t i = begin; i < end; ++i) {
        const int64_t at = i * d;
        const Moments m{mean[i], rstd[i]};
        if (dw) dw_row(dy + at, x + at, m, dw, d);
        if (db) db_row(dy + at, db, d);
        cpu::visit_grad(op.dx.mode, [&]<bool kAdding> {
          dx_row<T, kAdding>(dy + at, x + at, w, m, op.dx.tensor.template as<T>() + at, d);
        });
      }
    });
  });
  cpu::add_partials(dw_partials, ranges.count, d, op.dw);
  cpu::add_partials(db_partials, ranges.count, d, op.db);
}

}  // namespace lorica
