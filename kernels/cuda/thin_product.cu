#include "kernels/cuda/thin_product.h"

#include "kernels/cuda/device/shared.cuh"
#include "kernels/cuda/device/tile_product.cuh"
#include "kernels/cuda/partial_sums.h"
#include "kernels/cuda/shapes.h"

namespace lorica {
namespace {

using device::GlobalMatrix;
using device::Masked;
using device::TileProduct;

/// Where a product's partial sums go: element (i, j) of part s at data[s size + i row_stride + j column_stride].
struct Partials {
  float* data;
  int64_t rows, columns, row_stride, column_stride;
};

/// Part blockIdx.z of the sum over k, `each` long, for the tile (blockIdx.x, blockIdx.y).
template <class Product, Masked kMasked, class LeftFrom, class RightFrom>
__global__ void __launch_bounds__(Product::kThreads)
    partial_product_kernel(GlobalMatrix<LeftFrom> left, GlobalMatrix<RightFrom> right, DropoutMask mask, int64_t k,
                           int64_t each, Partials to) {
  auto& storage = device::shared_storage<typename Product::Storage>();
  const int64_t row = int64_t{blockIdx.x} * Product::kRows, column = int64_t{blockIdx.y} * Product::kColumns;
  const int64_t begin = int64_t{blockIdx.z} * each, end = begin + each < k ? begin + each : k;
  Product product;
  device::multiply_tiles<Product, kMasked>(product, storage, left, right, mask, row, column, begin, end);
  float* const part = to.data + int64_t{blockIdx.z} * to.rows * to.columns;
  const bool vectors = to.column_stride == 1 && to.row_stride % 4 == 0;
  product.for_fours([&](int r, int c, const device::Floats<4>& four) {
    const int64_t i = row + r, j = column + c;
    if (i >= to.rows || j >= to.columns) return;
    float* const at = part + i * to.row_stride + j * to.column_stride;
    if (vectors) return device::store_floats(at, four, 4, true);
#pragma unroll
    for (int n = 0; n < 4; ++n)
      if (j + n < to.columns) at[n * to.column_stride] = four.value[n];
  });
}

template <class Product, class T>
__global__ void __launch_bounds__(Product::kThreads)
    low_rank_kernel(GlobalMatrix<T> left, GlobalMatrix<float> right, DropoutMask mask, int64_t rank, const T* addend,
                    T* to, int64_t rows, int64_t columns, bool vectors) {
  auto& storage = device::shared_storage<typename Product::Storage>();
  const int64_t row = int64_t{blockIdx.x} * Product::kRows, column = int64_t{blockIdx.y} * Product::kColumns;
  Product product;
  device::multiply_tiles<Product, Masked::kNeither>(product, storage, left, right, mask, row, column, 0, rank);
  product.for_fours([&](int r, int c, device::Floats<4> four) {
    const int64_t i = row + r, j = column + c;
    if (i >= rows || j >= columns) return;
    const int count = columns - j < 4 ? static_cast<int>(columns - j) : 4;
    if (mask.threshold != 0) {
      const uint32_t kept = device::kept_bits<4>(mask, i, j);
#pragma unroll
      for (int n = 0; n < 4; ++n)
        if (!(kept >> n & 1)) four.value[n] = 0;
    }
    if (addend) {
      const auto more = device::load_floats<4>(addend + i * columns + j, count, vectors);
#pragma unroll
      for (int n = 0; n < 4; ++n) four.value[n] += more.value[n];
    }
    device::store_floats(to + i * columns + j, four, count, vectors);
  });
}

/// The matrix as tiles of `Tile` elements read it.
template <class Tile, class From>
GlobalMatrix<From> global_matrix(const In& view) {
  constexpr int kWidth = device::Vector<Tile>::kWidth;
  const From* const data = view.as<From>();
  return {data, view.shape[0], view.shape[1], view.shape[1] % kWidth == 0 && aligned<kWidth>(data)};
}

unsigned tiles(int64_t n, int64_t each) { return static_cast<unsigned>((n + each - 1) / each); }

/// Partial sums of the product in scratch; returns their number.
template <class Product, Masked kMasked, class LeftFrom, class RightFrom>
int64_t partial_product(CudaBackend& cuda, const char* name, const In& left, const In& right, const DropoutMask& mask,
                        int64_t k, Partials to) {
  dim3 grid(tiles(to.rows, Product::kRows), tiles(to.columns, Product::kColumns));
  const tile::SplitSum split = tile::split_sum(k, int64_t{grid.x} * grid.y, Product::kDepth);
  grid.z = static_cast<unsigned>(split.count);
  to.data = cuda.scratch<float>(CudaBackend::kScratch1, split.count * to.rows * to.columns);
  launch_kernel(cuda, name, partial_product_kernel<Product, kMasked, LeftFrom, RightFrom>,
                {.grid = grid, .block = Product::kThreads, .shared_bytes = sizeof(typename Product::Storage)},
                global_matrix<typename Product::T, LeftFrom>(left),
                global_matrix<typename Product::T, RightFrom>(right), mask, k, split.each, to);
  return split.count;
}

/// Calls fn with the width of a block's tile on the thin side.
template <class Fn>
int64_t visit_rank(int64_t rank, Fn&& fn) {
  return rank <= tile::kThinSmall ? fn.template operator()<tile::kThinSmall>()
                                  : fn.template operator()<tile::kThinLarge>();
}

template <class T>
void run_thin_product(CudaBackend& cuda, const In& x, const In& factor, FactorLayout layout, const DropoutMask& mask,
                      float alpha, const Out& to) {
  const int64_t rows = x.shape[0], k = x.shape[1], rank = to.shape[1];
  const Partials partials{nullptr, rows, rank, rank, 1};
  const int64_t parts = visit_rank(rank, [&]<int kThin> {
    if (layout == FactorLayout::kRankFirst)
      return partial_product<TileProduct<T, true, true, tile::kThinRows, kThin, tile::kThinStep, tile::kThinWarps, 1>,
                             Masked::kLeft, T, float>(cuda, "thin_product", x, factor, mask, k, partials);
    return partial_product<TileProduct<T, true, false, tile::kThinRows, kThin, tile::kThinStep, tile::kThinWarps, 1>,
                           Masked::kLeft, T, float>(cuda, "thin_product", x, factor, mask, k, partials);
  });
  const float* const sums = cuda.scratch<float>(CudaBackend::kScratch1, parts * rows * rank);
  add_partials(cuda, sums, parts, alpha, {to, GradMode::kWrite});
}

template <class T>
void run_thin_gradient(CudaBackend& cuda, const In& thin, const In& wide, const DropoutMask& mask, bool transposed,
                       const GradOut& to) {
  const int64_t rows = thin.shape[0], rank = thin.shape[1], columns = wide.shape[1];
  const Partials partials{nullptr, rank, columns, transposed ? 1 : columns, transposed ? rank : 1};
  const int64_t parts = visit_rank(rank, [&]<int kThin> {
    return partial_product<
        TileProduct<T, false, false, kThin, tile::kThinColumns, tile::kThinRowStep, 1, tile::kThinWarps>,
        Masked::kRight, T, T>(cuda, "thin_gradient", thin, wide, mask, rows, partials);
  });
  const float* const sums = cuda.scratch<float>(CudaBackend::kScratch1, parts * rank * columns);
  add_partials(cuda, sums, parts, 1, to);
}

template <class T, bool kRankFirst>
void run_low_rank_update(CudaBackend& cuda, const In& left, const In& factor, const DropoutMask& mask, const In& addend,
                         const Out& to) {
  using Product = TileProduct<T, true, !kRankFirst, tile::kLowRankTile, tile::kLowRankTile, tile::kLowRankStep,
                              tile::kLowRankWarpsM, tile::kLowRankWarpsN>;
  const int64_t rows = to.shape[0], columns = to.shape[1];
  const T* const addend_data = addend ? addend.as<T>() : nullptr;
  const bool vectors = columns % 4 == 0 && aligned<4>(to.as<T>(), addend_data);
  launch_kernel(cuda, "low_rank_update", low_rank_kernel<Product, T>,
                {.grid = dim3(tiles(rows, Product::kRows), tiles(columns, Product::kColumns)),
                 .block = Product::kThreads,
                 .shared_bytes = sizeof(typename Product::Storage)},
                global_matrix<T, T>(left), global_matrix<T, float>(factor), mask, left.shape[1], addend_data,
                to.as<T>(), rows, columns, vectors);
}

}  // namespace

void thin_product(CudaBackend& cuda, const In& x, const In& factor, FactorLayout layout, const DropoutMask& mask,
                  float alpha, const Out& to) {
  visit_float(x.dtype, [&]<class T> { run_thin_product<T>(cuda, x, factor, layout, mask, alpha, to); });
}

void thin_gradient(CudaBackend& cuda, const In& thin, const In& wide, const DropoutMask& mask, bool transposed,
                   const GradOut& to) {
  visit_float(thin.dtype, [&]<class T> { run_thin_gradient<T>(cuda, thin, wide, mask, transposed, to); });
}

void low_rank_update(CudaBackend& cuda, const In& left, const In& factor, FactorLayout layout, const DropoutMask& mask,
                     const In& addend, const Out& to) {
  visit_float(left.dtype, [&]<class T> {
    if (layout == FactorLayout::kRankFirst)
      run_low_rank_update<T, true>(cuda, left, factor, mask, addend, to);
    else
      run_low_rank_update<T, false>(cuda, left, factor, mask, addend, to);
  });
}

}  // namespace lorica
