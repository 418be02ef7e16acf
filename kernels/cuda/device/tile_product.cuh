#pragma once
#include <type_traits>

#include "kernels/cuda/device/dropout.cuh"
#include "kernels/cuda/device/mma.cuh"
#include "kernels/cuda/device/pieces.cuh"
#include "kernels/cuda/device/reduce.cuh"

// Products of a block's tiles: from global memory through registers (where f32 parameters are rounded and dropout is
// applied) into shared memory, and from there to the tensor cores (bf16) or FMA units (f32).
namespace lorica::device {

/// A dense row-major matrix in global memory.
template <class T>
struct GlobalMatrix {
  const T* data;
  int64_t rows, columns;
  bool vectors;  ///< rows begin at addresses that allow loads of a whole Tile piece
};

/// A tile in shared memory. The 16 spare bytes a row put the 16-byte pieces of eight neighbouring rows into different
/// banks.
template <class T, int kRowCount, int kColumnCount>
struct alignas(16) Tile {
  static constexpr int kRows = kRowCount, kColumns = kColumnCount;
  static constexpr int kStride = kColumns + Vector<T>::kWidth;
  T data[kRows * kStride];
  __device__ const T* at(int row, int column) const { return data + row * kStride + column; }
  __device__ T* at(int row, int column) { return data + row * kStride + column; }
};

/// The part of a tile that one thread brings: fetch() starts the loads, put() waits for them, rounds From to the
/// tile's type, drops and stores. What lies outside the matrix is zero.
template <class To, class From, int kThreads>
class Courier {
  using T = std::remove_reference_t<decltype(*To::data)>;
  static constexpr int kWidth = Vector<T>::kWidth, kPerRow = To::kColumns / kWidth, kPieces = To::kRows * kPerRow;
  static constexpr int kCount = (kPieces + kThreads - 1) / kThreads;

 public:
  __device__ __forceinline__ void fetch(const GlobalMatrix<From>& from, int64_t row, int64_t column) {
    row_ = row, column_ = column;
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int piece = piece_of(i);
      const int64_t r = row + piece / kPerRow, c = column + piece % kPerRow * kWidth;
      const int64_t left = r < from.rows && piece < kPieces ? from.columns - c : 0;
      const int count = left < 0 ? 0 : left < kWidth ? static_cast<int>(left) : kWidth;
      pieces_[i] = load_piece<kWidth>(from.data + (count > 0 ? r * from.columns + c : 0), count, from.vectors);
    }
  }
  template <bool kMasked>
  __device__ __forceinline__ void put(To& tile, const DropoutMask& mask) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int piece = piece_of(i), r = piece / kPerRow, c = piece % kPerRow * kWidth;
      if (kPieces % kThreads != 0 && piece >= kPieces) return;
      uint32_t kept = ~0u;
      if constexpr (kMasked)
        if (mask.threshold != 0) kept = kept_bits<kWidth>(mask, row_ + r, column_ + c);
      Vector<T> rounded;
#pragma unroll
      for (int j = 0; j < kWidth; ++j)
        rounded.value[j] = kept >> j & 1 ? from_float<T>(to_float(pieces_[i].value[j])) : from_float<T>(0.0f);
      store_vector(tile.at(r, c), rounded);
    }
  }

 private:
  __device__ static int piece_of(int i) { return static_cast<int>(threadIdx.x) + i * kThreads; }
  Vector<From, kWidth> pieces_[kCount];
  int64_t row_ = 0, column_ = 0;
};

/// c [kM, kN] += left [kM, kK] right [kK, kN], kept in the registers of kWarpsM x kWarpsN warps. kLeftByK says that
/// left is stored as [kM][kK], else [kK][kM]; kRightByK that right is stored as [kN][kK], else [kK][kN].
template <class Type, bool kLeftByK, bool kRightByK, int kM, int kN, int kK, int kWarpsM, int kWarpsN>
struct TileProduct {
  using T = Type;
  static constexpr int kRows = kM, kColumns = kN, kDepth = kK, kThreads = kWarp * kWarpsM * kWarpsN;
  static constexpr bool kLeftIsByK = kLeftByK, kRightIsByK = kRightByK;
  using Left = std::conditional_t<kLeftByK, Tile<T, kM, kK>, Tile<T, kK, kM>>;
  using Right = std::conditional_t<kRightByK, Tile<T, kN, kK>, Tile<T, kK, kN>>;
  struct Storage {
    Left left[2];
    Right right[2];
  };
  static constexpr int kMTiles = kM / (16 * kWarpsM), kNTiles = kN / (8 * kWarpsN);
  static_assert(kNTiles % 2 == 0 && kK % 16 == 0);

  float c[kMTiles][kNTiles][4] = {};  ///< laid out as device/mma.cuh says

  __device__ static int lane() { return static_cast<int>(threadIdx.x) % kWarp; }
  __device__ static int first_row() { return static_cast<int>(threadIdx.x) / kWarp % kWarpsM * 16 * kMTiles; }
  __device__ static int first_column() { return static_cast<int>(threadIdx.x) / kWarp / kWarpsM * 8 * kNTiles; }

  __device__ __forceinline__ void multiply(const Left& left, const Right& right) {
    if constexpr (std::is_same_v<T, bf16>)
      multiply_tensor(left, right);
    else
      multiply_plain(left, right);
  }

  /// Calls fn(row, column, four neighbouring values of that row) for all values of this thread. Pairs of lanes trade
  /// halves for this, so that every lane has four columns of one row instead of two columns of two.
  template <class Fn>
  __device__ __forceinline__ void for_fours(Fn&& fn) const {
    const bool odd = lane() % 2 == 1;
#pragma unroll
    for (int m = 0; m < kMTiles; ++m)
#pragma unroll
      for (int n = 0; n < kNTiles; ++n) {
        const float* const v = c[m][n];
        const float x0 = __shfl_xor_sync(kAllLanes, odd ? v[0] : v[2], 1);
        const float x1 = __shfl_xor_sync(kAllLanes, odd ? v[1] : v[3], 1);
        const Floats<4> four = odd ? Floats<4>{{x0, x1, v[2], v[3]}} : Floats<4>{{v[0], v[1], x0, x1}};
        fn(first_row() + 16 * m + lane() / 4 + (odd ? 8 : 0), first_column() + 8 * n + lane() % 4 / 2 * 4, four);
      }
  }

 private:
  __device__ __forceinline__ void multiply_tensor(const Left& left, const Right& right) {
    // lane 8 i + r gives load_matrices() row r of matrix i
    const int r = lane() % 8, low = lane() / 8 % 2 * 8, high = lane() / 16 * 8;
#pragma unroll
    for (int k = 0; k < kK; k += 16) {
      uint32_t a[kMTiles][4];
#pragma unroll
      for (int m = 0; m < kMTiles; ++m) {
        const int row = first_row() + 16 * m;
        if constexpr (kLeftByK)
          load_matrices(a[m], shared_address(left.at(row + low + r, k + high)));
        else
          load_matrices_transposed(a[m], shared_address(left.at(k + high + r, row + low)));
      }
#pragma unroll
      for (int n = 0; n < kNTiles; n += 2) {
        const int column = first_column() + 8 * n;
        uint32_t b[4];
        if constexpr (kRightByK)
          load_matrices(b, shared_address(right.at(column + high + r, k + low)));
        else
          load_matrices_transposed(b, shared_address(right.at(k + low + r, column + high)));
#pragma unroll
        for (int m = 0; m < kMTiles; ++m) {
          multiply_add_16x8x16(c[m][n], a[m], b[0], b[1]);
          multiply_add_16x8x16(c[m][n + 1], a[m], b[2], b[3]);
        }
      }
    }
  }

  __device__ __forceinline__ void multiply_plain(const Left& left, const Right& right) {
    const int g = lane() / 4, pair = 2 * (lane() % 4);
#pragma unroll 2
    for (int k = 0; k < kK; ++k) {
      float a[kMTiles][2];
#pragma unroll
      for (int m = 0; m < kMTiles; ++m)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          const int row = first_row() + 16 * m + 8 * i + g;
          a[m][i] = kLeftByK ? *left.at(row, k) : *left.at(k, row);
        }
#pragma unroll
      for (int n = 0; n < kNTiles; ++n)
#pragma unroll
        for (int j = 0; j < 2; ++j) {
          const int column = first_column() + 8 * n + pair + j;
          const float b = kRightByK ? *right.at(column, k) : *right.at(k, column);
#pragma unroll
          for (int m = 0; m < kMTiles; ++m) {
            c[m][n][j] = fmaf(a[m][0], b, c[m][n][j]);
            c[m][n][2 + j] = fmaf(a[m][1], b, c[m][n][2 + j]);
          }
        }
    }
  }
};

/// Which operand of a product dropout applies to.
enum class Masked { kNeither, kLeft, kRight };

/// The product over k in [begin, end) of the block's tile at (row, column); all threads call. The loads of a step run
/// while the step before is multiplied.
template <class Product, Masked kMasked, class LeftFrom, class RightFrom>
__device__ __forceinline__ void multiply_tiles(Product& product, typename Product::Storage& storage,
                                               const GlobalMatrix<LeftFrom>& left, const GlobalMatrix<RightFrom>& right,
                                               const DropoutMask& mask, int64_t row, int64_t column, int64_t begin,
                                               int64_t end) {
  Courier<typename Product::Left, LeftFrom, Product::kThreads> left_courier;
  Courier<typename Product::Right, RightFrom, Product::kThreads> right_courier;
  auto fetch = [&](int64_t k) {
    left_courier.fetch(left, Product::kLeftIsByK ? row : k, Product::kLeftIsByK ? k : row);
    right_courier.fetch(right, Product::kRightIsByK ? column : k, Product::kRightIsByK ? k : column);
  };
  auto put = [&](int at) {
    left_courier.template put<kMasked == Masked::kLeft>(storage.left[at], mask);
    right_courier.template put<kMasked == Masked::kRight>(storage.right[at], mask);
    __syncthreads();
  };
  fetch(begin);
  put(0);
  int at = 0;
  for (int64_t k = begin + Product::kDepth; k < end; k += Product::kDepth, at = 1 - at) {
    fetch(k);
    product.multiply(storage.left[at], storage.right[at]);
    put(1 - at);  // read last in the step before, which ended with a barrier
  }
  product.multiply(storage.left[at], storage.right[at]);
}

}  // namespace lorica::device
