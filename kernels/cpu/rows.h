#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/context.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/simd_math.h"

// How the CPU ops cut their work. Nothing here depends on the number of threads, so neither do the results.
namespace lorica::cpu {

/// Elements in a piece of an elementwise op: enough to hide the cost of handing it out, small enough for the cache.
constexpr int64_t kPieceElements = 16384;

/// Rows of `width` elements that make up about one piece.
inline int64_t rows_per_piece(int64_t width) {
  return std::max<int64_t>(1, kPieceElements / std::max<int64_t>(1, width));
}

/// The fixed ranges over which the gradient of a row-broadcast parameter is summed before the partial sums are added in
/// the order of the ranges: at most 64, so that the partials stay small, of at least 16 rows.
struct RowRanges {
  int64_t rows_each = 16;
  int64_t count = 0;
  explicit RowRanges(int64_t rows) : rows_each(std::max<int64_t>(16, (rows + 63) / 64)) {
    count = (rows + rows_each - 1) / rows_each;
  }
};

template <bool kAdding, class T>
inline void put(T* p, float value) {
  store(p, kAdding ? load(p) + value : value);
}

/// Calls fn.template operator()<kAdding>() unless the gradient is skipped.
template <class Fn>
void visit_grad(GradMode mode, Fn&& fn) {
  if (mode == GradMode::kWrite) fn.template operator()<false>();
  if (mode == GradMode::kAdd) fn.template operator()<true>();
}

/// A parameter in f32 with `offset` added: the tensor itself where that changes nothing, otherwise a copy in scratch.
const float* widened(CpuBackend& cpu, CpuBackend::Slot slot, const In& parameter, float offset = 0);

/// grad (=, +=) partials[0] + partials[1] + ..., each `width` floats, added in this order.
void add_partials(const float* partials, int64_t count, int64_t width, const GradOut& grad);

/// Throws Error unless every index lies in [0, limit).
void expect_indices(const char* op, const char* argument, const In& indices, int64_t limit);

}  // namespace lorica::cpu
