#include "kernels/ops/columns.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/simd_math.h"

namespace lorica {
namespace {

template <class T>
void copy_columns(const CopyColumns& op) {
  const int64_t rows = op.x.shape[0];
  if (rows == 0) return;
  const int64_t x_stride = op.x.elements() / rows, y_stride = op.y.elements() / rows;
  cpu::parallel_for(rows, 16, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const T* from = op.x.as<T>() + t * x_stride + op.x_begin;
      T* row = op.y.as<T>() + t * y_stride;
      T* to = row + op.y_begin;
      if (op.clear_rest) {
        std::fill(row, to, T{});
        std::fill(to + op.columns, row + y_stride, T{});
      }
      if (!op.add) {
        std::memcpy(to, from, static_cast<size_t>(op.columns) * sizeof(T));
      } else {
        for (int64_t j = 0; j < op.columns; ++j) cpu::store(to + j, cpu::load(to + j) + cpu::load(from + j));
      }
    }
  });
}

}  // namespace

void run(CpuBackend&, const CopyColumns& op) {
  visit_float(op.x.dtype, [&]<class T>() { copy_columns<T>(op); });
}

void run(CpuBackend&, const CacheAppend& op) {
  const size_t row_bytes = static_cast<size_t>(op.x.shape[1] * op.x.shape[2]) * size_of(op.x.dtype);
  const auto* cu_q = op.cu_q.as<int32_t>();
  const auto* kv_lens = op.kv_lens.as<int32_t>();
  const int64_t capacity = op.cache.shape[1];
  for (int64_t b = 0; b < op.cache.shape[0]; ++b) {
    const int64_t fresh = cu_q[b + 1] - cu_q[b];
    if (kv_lens[b] > capacity || kv_lens[b] < fresh)
      throw Error("CacheAppend: sequence {}: length {} with {} new tokens does not fit capacity {}", b, kv_lens[b],
                  fresh, capacity);
    const int64_t row = b * capacity + kv_lens[b] - fresh;
    std::memcpy(static_cast<char*>(op.cache.data) + static_cast<size_t>(row) * row_bytes,
                static_cast<const char*>(op.x.data) + static_cast<size_t>(cu_q[b]) * row_bytes,
                static_cast<size_t>(fresh) * row_bytes);
  }
}

}  // namespace lorica
