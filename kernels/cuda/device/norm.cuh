#pragma once
#include "kernels/cuda/device/row.cuh"
#include "kernels/cuda/device/shared.cuh"
#include "kernels/cuda/tile_size.h"

// Normalisation of rows: y = n (w + offset) + b with n = (x - mean) rstd. Layer norm is kCentred; RMS norm has mean 0
// and no b. Either is one pass over memory.
namespace lorica::device {

template <class T, class W>
struct NormFwdArguments {
  const T* x;
  const W* w;
  const T* b;  ///< b is one of these two, or neither is given
  const float* b_f32;
  T* y;
  float *mean, *rstd;  ///< null: not wanted
  float eps, weight_offset;
  int64_t rows;
  int d, row_threads;
  bool vectors;
};

template <class T, class W>
struct NormBwdArguments {
  const T *dy, *x;
  const W* w;
  const float *mean, *rstd;
  Grad<T> dx;
  float *dw_partials, *db_partials;  ///< [groups of threads, d], null: not wanted
  float weight_offset;
  int64_t rows;
  int rows_each;  ///< rows one after another of a group
  int d, row_threads;
  bool vectors;
};

struct NormShared {
  float slots[4][kWarp];
};

template <class T, class W, bool kCentred>
__global__ void __launch_bounds__(tile::kNormMaxThreads, 1) norm_fwd_kernel(NormFwdArguments<T, W> op) {
  NormShared& shared = shared_storage<NormShared>();
  constexpr int kN = Vector<T>::kWidth, kKept = tile::kNormKept;
  const int thread = static_cast<int>(threadIdx.x), threads = op.row_threads;
  const int64_t row = int64_t{blockIdx.x} * (static_cast<int>(blockDim.x) / threads) + thread / threads;
  const bool present = row < op.rows;
  const RowPart part{thread % threads, threads, present ? op.d : 0, op.vectors};
  const T* const x = op.x + (present ? row * op.d : 0);
  KeptRow<T, kKept> kept;
  kept.load(part, x);

  float mean = 0;
  if constexpr (kCentred) {
    float sum = 0;
    for_columns<kN, kKept>(part, [&](int p, int at, int count) {
      const Floats<kN> v = kept.get(p, part, x, at, count);
#pragma unroll
      for (int j = 0; j < kN; ++j) sum += v.value[j];
    });
    mean = row_sum(sum, threads, shared.slots[0]) / static_cast<float>(op.d);
  }
  float squares = 0;
  for_columns<kN, kKept>(part, [&](int p, int at, int count) {
    const Floats<kN> v = kept.get(p, part, x, at, count);
#pragma unroll
    for (int j = 0; j < kN; ++j) {
      const float centred = j < count ? v.value[j] - mean : 0.0f;
      squares += centred * centred;
    }
  });
  squares = row_sum(squares, threads, shared.slots[1]);
  const float rstd = 1.0f / sqrtf(squares / static_cast<float>(op.d) + op.eps);
  if (!present) return;
  if (part.lane == 0 && op.mean) op.mean[row] = mean;
  if (part.lane == 0 && op.rstd) op.rstd[row] = rstd;
  T* const y = op.y + row * op.d;
  for_columns<kN, kKept>(part, [&](int p, int at, int count) {
    Floats<kN> v = kept.get(p, part, x, at, count);
    const Floats<kN> w = load_floats<kN>(op.w + at, count, op.vectors);
    Floats<kN> b{};
    if (kCentred && op.b) b = load_floats<kN>(op.b + at, count, op.vectors);
    if (kCentred && op.b_f32) b = load_floats<kN>(op.b_f32 + at, count, op.vectors);
#pragma unroll
    for (int j = 0; j < kN; ++j) v.value[j] = (v.value[j] - mean) * rstd * (w.value[j] + op.weight_offset) + b.value[j];
    store_floats(y + at, v, count, op.vectors);
  });
}

/// What a group of threads adds up over its rows for one parameter: in registers, and for the columns that do not fit
/// there in the partial sums themselves.
template <int kN, int kKept>
struct ParameterSum {
  float* partial;  ///< [d], null: not wanted
  Floats<kN> sum[kKept];

  __device__ __forceinline__ explicit ParameterSum(float* to) : partial(to), sum{} {}
  __device__ __forceinline__ void add(int p, int at, int count, const Floats<kN>& x, bool first) {
    if (!partial) return;
    if (p < kKept) {
#pragma unroll
      for (int j = 0; j < kN; ++j) sum[p].value[j] += x.value[j];
    } else {
      for (int j = 0; j < count; ++j) partial[at + j] = (first ? 0.0f : partial[at + j]) + x.value[j];
    }
  }
  __device__ __forceinline__ void store(const RowPart& part) const {
    if (!partial) return;
#pragma unroll
    for (int p = 0; p < kKept; ++p) {
      const int at = (p * part.threads + part.lane) * kN;
      if (at < part.width) store_piece(partial + at, narrowed(sum[p]), part.width - at, part.vectors);
    }
  }

 private:
  static __device__ __forceinline__ Vector<float, kN> narrowed(const Floats<kN>& x) {
    Vector<float, kN> result;
#pragma unroll
    for (int j = 0; j < kN; ++j) result.value[j] = x.value[j];
    return result;
  }
};

/// A group of row_threads threads takes rows_each rows one after another (one without parameter gradients), with the
/// next row on its way from memory.
template <class T, class W, bool kCentred, bool kParameters>
__global__ void __launch_bounds__(tile::kNormMaxThreads) norm_bwd_kernel(NormBwdArguments<T, W> op) {
  NormShared& shared = shared_storage<NormShared>();
  constexpr int kN = Vector<T>::kWidth, kKept = kParameters ? tile::kNormKeptWithGradients : tile::kNormKept;
  const int thread = static_cast<int>(threadIdx.x), threads = op.row_threads;
  const int64_t group = int64_t{blockIdx.x} * (static_cast<int>(blockDim.x) / threads) + thread / threads;
  const int64_t first = group * op.rows_each;
  const auto part_of = [&](int64_t row) {
    return RowPart{thread % threads, threads, row < op.rows ? op.d : 0, op.vectors};
  };
  const auto offset_of = [&](int64_t row) { return row < op.rows ? row * op.d : 0; };
  const bool any = first < op.rows;
  ParameterSum<kN, kParameters ? kKept : 1> dw(kParameters && any && op.dw_partials ? op.dw_partials + group * op.d
                                                                                    : nullptr);
  ParameterSum<kN, kParameters && kCentred ? kKept : 1> db(
      kParameters && kCentred && any && op.db_partials ? op.db_partials + group * op.d : nullptr);

  KeptRow<T, kKept> kept_x, kept_dy;
  kept_x.load(part_of(first), op.x + offset_of(first));
  kept_dy.load(part_of(first), op.dy + offset_of(first));
  const int rows_each = kParameters ? op.rows_each : 1;
  for (int i = 0; i < rows_each; ++i) {
    const int64_t row = first + i;
    const RowPart part = part_of(row);
    const T *const x = op.x + offset_of(row), *const dy = op.dy + offset_of(row);
    KeptRow<T, kKept> next_x, next_dy;
    if (kParameters && i + 1 < rows_each) {
      next_x.load(part_of(row + 1), op.x + offset_of(row + 1));
      next_dy.load(part_of(row + 1), op.dy + offset_of(row + 1));
    }
    const float rstd = part.width > 0 ? op.rstd[row] : 0.0f;
    const float mean = kCentred && part.width > 0 ? op.mean[row] : 0.0f;
    float sum = 0, dot = 0;
    for_columns<kN, kKept>(part, [&](int p, int at, int count) {
      Floats<kN> n = kept_x.get(p, part, x, at, count);
      const Floats<kN> up = kept_dy.get(p, part, dy, at, count);
      const Floats<kN> w = load_floats<kN>(op.w + at, count, op.vectors);
#pragma unroll
      for (int j = 0; j < kN; ++j) {
        const float g = up.value[j] * (w.value[j] + op.weight_offset);  // dy is 0 behind the end
        n.value[j] = (n.value[j] - mean) * rstd;
        sum += g;
        dot += g * n.value[j];
        n.value[j] *= up.value[j];
      }
      if constexpr (kParameters) dw.add(p, at, count, n, i == 0);
      if constexpr (kParameters && kCentred) db.add(p, at, count, up, i == 0);
    });
    if (op.dx.mode != GradMode::kSkip) {
      // two sets of slots: a thread may already be in the next row while another still reads this row's sums
      float(*const slots)[kWarp] = shared.slots + i % 2 * 2;
      const float mean_gn = row_sum(dot, threads, slots[0]) / static_cast<float>(op.d);
      const float mean_g = kCentred ? row_sum(sum, threads, slots[1]) / static_cast<float>(op.d) : 0.0f;
      for_columns<kN, kKept>(part, [&](int p, int at, int count) {
        Floats<kN> v = kept_x.get(p, part, x, at, count);
        const Floats<kN> up = kept_dy.get(p, part, dy, at, count);
        const Floats<kN> w = load_floats<kN>(op.w + at, count, op.vectors);
#pragma unroll
        for (int j = 0; j < kN; ++j) {
          const float n = (v.value[j] - mean) * rstd;
          v.value[j] = rstd * (up.value[j] * (w.value[j] + op.weight_offset) - mean_g - n * mean_gn);
        }
        put_floats(op.dx, row * op.d + at, v, count, op.vectors);
      });
    }
    if constexpr (kParameters) kept_x = next_x, kept_dy = next_dy;
  }
  if constexpr (kParameters) dw.store(part_of(first));
  if constexpr (kParameters && kCentred) db.store(part_of(first));
}

}  // namespace lorica::device
