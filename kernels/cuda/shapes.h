#pragma once
#include "kernels/cuda/device/pieces.cuh"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/tile_size.h"

// What the host side of the memory-bound kernels shares.
namespace lorica {

/// Whether kN elements can be moved by one access from all of these addresses (null counts as aligned).
template <int kN, class... T>
bool aligned(const T*... pointers) {
  return ((reinterpret_cast<uintptr_t>(pointers) % (kN * sizeof(T)) == 0) && ...);
}

template <class T>
device::Grad<T> typed_grad(const GradOut& grad) {
  if (!grad) return {nullptr, GradMode::kSkip};
  return {grad.tensor.as<T>(), grad.mode};
}

/// Zeroes a gradient that is to be written and that some kernel will only touch in places, or not at all.
inline void clear_if_written(CudaBackend& cuda, const GradOut& grad) {
  if (grad.mode == GradMode::kWrite) cuda.memory().clear(grad.tensor.data, static_cast<size_t>(grad.tensor.bytes()));
}

/// The launch of a kernel over n elements, kN a thread, that uses device::for_piece().
template <int kN>
LaunchShape flat_shape(int64_t n) {
  constexpr int64_t kBlock = int64_t{tile::kFlatThreads} * kN;
  return {.grid = static_cast<unsigned>((n + kBlock - 1) / kBlock), .block = tile::kFlatThreads};
}

/// Rows of `items` pieces dealt out so that a block has about a piece a thread; for device::for_row_items().
struct RowItems {
  int64_t rows;
  int items, rows_per_block;
  RowItems(int64_t row_count, int64_t items_each)
      : rows(row_count),
        items(static_cast<int>(items_each)),
        rows_per_block(std::max(1, tile::kFlatThreads / std::max(1, items))) {}
  LaunchShape shape() const {
    if (items == 0) return {.grid = 0};
    return {.grid = static_cast<unsigned>((rows + rows_per_block - 1) / rows_per_block), .block = tile::kFlatThreads};
  }
};

}  // namespace lorica
