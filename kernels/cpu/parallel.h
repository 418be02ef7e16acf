#pragma once
#include <omp.h>

#include <algorithm>
#include <cstdint>

namespace lorica::cpu {

inline int thread_count() { return omp_get_max_threads(); }
inline int thread_index() { return omp_get_thread_num(); }

/// Calls fn(begin, end) over [0, n) in pieces of `grain`, on all cores. Which thread runs a piece varies, what a piece
/// is does not, so an op whose pieces are independent gives the same bits on any number of threads.
template <class Fn>
void parallel_for(int64_t n, int64_t grain, Fn&& fn) {
  grain = std::max<int64_t>(grain, 1);
  const int64_t pieces = (n + grain - 1) / grain;
  if (pieces <= 1 || thread_count() == 1) {
    if (n > 0)
      for (int64_t p = 0; p < pieces; ++p) fn(p * grain, std::min(n, (p + 1) * grain));
    return;
  }
#pragma omp parallel for schedule(static)
  for (int64_t p = 0; p < pieces; ++p) fn(p * grain, std::min(n, (p + 1) * grain));
}

}  // namespace lorica::cpu
