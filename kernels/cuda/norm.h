#pragma once
#include "kernels/cuda/device/norm.cuh"
#include "kernels/cuda/partial_sums.h"
#include "kernels/cuda/shapes.h"

// The host side that rms_norm.cu and layer_norm.cu share.
namespace lorica {

/// Calls fn.template operator()<T, W>() with the dtypes of x and of w, which is f32 or x's.
template <class Fn>
void visit_norm(Dtype x, Dtype w, Fn&& fn) {
  visit_float(x, [&]<class T> {
    if (w == Dtype::f32)
      fn.template operator()<T, float>();
    else
      fn.template operator()<T, T>();
  });
}

template <class T>
int64_t row_vectors(int64_t d) {
  constexpr int kN = device::Vector<T>::kWidth;
  return (d + kN - 1) / kN;
}

template <bool kCentred, class T, class W>
void launch_norm_fwd(CudaBackend& cuda, const char* name, device::NormFwdArguments<T, W> op) {
  constexpr int kN = device::Vector<T>::kWidth;
  const tile::RowTile tile = tile::row_tile(row_vectors<T>(op.d), tile::kNormKept);
  op.row_threads = tile.row_threads;
  op.vectors = op.d % kN == 0 && aligned<kN>(op.x, op.y, op.w, op.b, op.b_f32);
  const LaunchShape shape{.grid = static_cast<unsigned>((op.rows + tile.rows_per_block() - 1) / tile.rows_per_block()),
                          .block = static_cast<unsigned>(tile.block_threads),
                          .shared_bytes = sizeof(device::NormShared)};
  launch_kernel(cuda, name, device::norm_fwd_kernel<T, W, kCentred>, shape, op);
}

/// `op` comes without the partial sums, which this provides.
template <bool kCentred, class T, class W>
void launch_norm_bwd(CudaBackend& cuda, const char* name, device::NormBwdArguments<T, W> op, const GradOut& dw,
                     const GradOut& db) {
  constexpr int kN = device::Vector<T>::kWidth;
  const bool parameters = dw || db;
  const tile::RowTile tile =
      tile::row_tile(row_vectors<T>(op.d), parameters ? tile::kNormKeptWithGradients : tile::kNormKept);
  const tile::RowRanges ranges = parameters ? tile::row_ranges(op.rows, tile.row_threads) : tile::RowRanges{1, op.rows};
  op.row_threads = tile.row_threads;
  op.rows_each = ranges.rows_each;
  if (dw) op.dw_partials = cuda.scratch<float>(CudaBackend::kScratch0, ranges.count * op.d);
  if (db) op.db_partials = cuda.scratch<float>(CudaBackend::kScratch1, ranges.count * op.d);
  op.vectors = op.d % kN == 0 && aligned<kN>(op.dy, op.x, op.dx.data, op.w);
  const LaunchShape shape{
      .grid = static_cast<unsigned>((ranges.count + tile.rows_per_block() - 1) / tile.rows_per_block()),
      .block = static_cast<unsigned>(tile.block_threads),
      .shared_bytes = sizeof(device::NormShared)};
  if (parameters)
    launch_kernel(cuda, name, device::norm_bwd_kernel<T, W, kCentred, true>, shape, op);
  else if (op.dx.mode != GradMode::kSkip)
    launch_kernel(cuda, name, device::norm_bwd_kernel<T, W, kCentred, false>, shape, op);
  if (dw) add_partials(cuda, op.dw_partials, ranges.count, 1, dw);
  if (db) add_partials(cuda, op.db_partials, ranges.count, 1, db);
}

}  // namespace lorica
