#include "kernels/ops/columns.h"

#include "kernels/cuda/device/fault.cuh"
#include "kernels/cuda/device/pieces.cuh"
#include "kernels/cuda/shapes.h"

namespace lorica {
namespace {

using namespace device;

template <class T>
struct Columns {
  const T* x;
  T* y;
  int64_t rows, x_stride, y_stride, x_begin, y_begin, columns;
  int64_t first;  ///< the first column of y that items cover
  bool add;
  int items, rows_per_block;
};

/// An item is kN columns of y, all of them copied or all cleared.
template <int kN, class T>
__global__ void copy_columns_kernel(Columns<T> op) {
  for_row_items(op.rows, op.items, op.rows_per_block, [&](int64_t t, int item) {
    const int64_t column = op.first + int64_t{item} * kN, j = column - op.y_begin;
    T* const to = op.y + t * op.y_stride + column;
    if (j < 0 || j >= op.columns) return store_vector(to, Vector<T, kN>{});
    const Vector<T, kN> from = load_vector<kN>(op.x + t * op.x_stride + op.x_begin + j);
    if (!op.add) return store_vector(to, from);
    put_floats(Grad<T>{to, GradMode::kAdd}, 0, widened(from), kN, true);
  });
}

template <int kN, class T>
void copy_columns(CudaBackend& cuda, Columns<T> op, bool clear_rest) {
  op.first = clear_rest ? 0 : op.y_begin;
  const RowItems work(op.rows, (clear_rest ? op.y_stride : op.columns) / kN);
  op.items = work.items;
  op.rows_per_block = work.rows_per_block;
  launch_kernel(cuda, "copy_columns", copy_columns_kernel<kN, T>, work.shape(), op);
}

template <class T>
struct Append {
  const T* x;
  const int32_t *cu_q, *kv_lens;
  T* cache;
  int64_t tokens, sequences, capacity, width;
  int items, rows_per_block;
  DeviceFault* fault;
};

/// The sequence of token t: the last one that begins at or before it; or -1 behind them all.
__device__ __forceinline__ int64_t sequence_of(const int32_t* cu_q, int64_t sequences, int64_t t) {
  if (t >= cu_q[sequences]) return -1;
  int64_t low = 0, high = sequences;  // cu_q[low] <= t < cu_q[high]
  while (high - low > 1) {
    const int64_t middle = (low + high) / 2;
    (cu_q[middle] <= t ? low : high) = middle;
  }
  return low;
}

template <int kN, class T>
__global__ void cache_append_kernel(Append<T> op) {
  for_row_items(op.tokens, op.items, op.rows_per_block, [&](int64_t t, int item) {
    const int64_t b = sequence_of(op.cu_q, op.sequences, t);
    if (b < 0) return;
    const int32_t length = op.kv_lens[b], fresh = op.cu_q[b + 1] - op.cu_q[b];
    if (length > op.capacity || length < fresh) {
      if (item == 0) record_fault(op.fault, FaultPlace::kCacheAppend, b, length, op.capacity);
      return;
    }
    const int64_t row = b * op.capacity + length - (op.cu_q[b + 1] - t), column = int64_t{item} * kN;
    store_vector(op.cache + row * op.width + column, load_vector<kN>(op.x + t * op.width + column));
  });
}

template <int kN, class T>
void cache_append(CudaBackend& cuda, Append<T> op) {
  const RowItems work(op.tokens, op.width / kN);
  op.items = work.items;
  op.rows_per_block = work.rows_per_block;
  launch_kernel(cuda, "cache_append", cache_append_kernel<kN, T>, work.shape(), op);
}

}  // namespace

void run(CudaBackend& cuda, const CopyColumns& op) {
  const int64_t rows = op.x.shape[0];
  if (rows == 0) return;
  visit_float(op.x.dtype, [&]<class T> {
    constexpr int kN = Vector<T>::kWidth;
    const Columns<T> columns{.x = op.x.as<T>(),
                             .y = op.y.as<T>(),
                             .rows = rows,
                             .x_stride = op.x.elements() / rows,
                             .y_stride = op.y.elements() / rows,
                             .x_begin = op.x_begin,
                             .y_begin = op.y_begin,
                             .columns = op.columns,
                             .first = 0,
                             .add = op.add,
                             .items = 0,
                             .rows_per_block = 0};
    const bool whole = (columns.x_stride | columns.y_stride | op.x_begin | op.y_begin | op.columns) % kN == 0;
    if (whole && aligned<kN>(columns.x, columns.y))
      copy_columns<kN>(cuda, columns, op.clear_rest);
    else
      copy_columns<1>(cuda, columns, op.clear_rest);
  });
}

void run(CudaBackend& cuda, const CacheAppend& op) {
  visit_float(op.x.dtype, [&]<class T> {
    constexpr int kN = Vector<T>::kWidth;
    const Append<T> append{.x = op.x.as<T>(),
                           .cu_q = op.cu_q.as<int32_t>(),
                           .kv_lens = op.kv_lens.as<int32_t>(),
                           .cache = op.cache.as<T>(),
                           .tokens = op.x.shape[0],
                           .sequences = op.cache.shape[0],
                           .capacity = op.cache.shape[1],
                           .width = op.x.shape[1] * op.x.shape[2],
                           .items = 0,
                           .rows_per_block = 0,
                           .fault = cuda.fault()};
    if (append.width % kN == 0 && aligned<kN>(append.x, append.cache))
      cache_append<kN>(cuda, append);
    else
      cache_append<1>(cuda, append);
  });
}

}  // namespace lorica
