#pragma once
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/simd_math.h"

namespace lorica::cpu {

/// to[i] = from[i] for n elements, rounded to nearest even where the type narrows; in place where the memory is one.
template <class From, class To>
inline void convert_row(const From* from, To* to, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) store(to + i, load(from + i));
}

/// The same for a matrix of rows that lie from_ld and to_ld elements apart, on all cores.
template <class From, class To>
void convert_rows(const From* from, int64_t from_ld, To* to, int64_t to_ld, int64_t rows, int64_t cols) {
  parallel_for(rows, std::max<int64_t>(1, 16384 / std::max<int64_t>(cols, 1)), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) convert_row(from + r * from_ld, to + r * to_ld, cols);
  });
}

}  // namespace lorica::cpu
