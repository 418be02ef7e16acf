#include "kernels/cpu/rows.h"

namespace lorica::cpu {

const float* widened(CpuBackend& cpu, CpuBackend::Slot slot, const In& parameter, float offset) {
  if (parameter.dtype == Dtype::f32 && offset == 0) return parameter.as<float>();
  const int64_t n = parameter.elements();
  float* const out = cpu.scratch<float>(slot, n);
  visit_float(parameter.dtype, [&]<class W> {
    const W* const in = parameter.as<W>();
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) out[i] = load(in + i) + offset;
  });
  return out;
}

void add_partials(const float* partials, int64_t count, int64_t width, const GradOut& grad) {
  constexpr int64_t kColumns = 256;
  visit_grad(grad.mode, [&]<bool kAdding> {
    float* const out = grad.tensor.as<float>();
    parallel_for(width, kColumns, [&](int64_t begin, int64_t end) {
      float sum[kColumns] = {};
      const int64_t n = end - begin;
      for (int64_t part = 0; part < count; ++part) {
        const float* const p = partials + part * width + begin;
#pragma omp simd
        for (int64_t j = 0; j < n; ++j) sum[j] += p[j];
      }
#pragma omp simd
      for (int64_t j = 0; j < n; ++j) put<kAdding>(out + begin + j, sum[j]);
    });
  });
}

void expect_indices(const char* op, const char* argument, const In& indices, int64_t limit) {
  const int32_t* const index = indices.as<int32_t>();
  const int64_t n = indices.elements();
  for (int64_t i = 0; i < n; ++i)
    if (index[i] < 0 || index[i] >= limit)
      throw Error("{}: {}[{}]: expected an index from 0 to {}, got {}", op, argument, i, limit - 1, index[i]);
}

}  // namespace lorica::cpu
