#include "kernels/ops/elementwise.h"

#include "kernels/cuda/device/fault.cuh"
#include "kernels/cuda/device/pieces.cuh"
#include "kernels/cuda/shapes.h"

namespace lorica {
namespace {

using namespace device;

template <int kN, class T>
__global__ void add_kernel(const T* a, const T* b, T* y, int64_t n, bool vectors) {
  for_piece<kN>(n, [&](int64_t at, int count) {
    Floats<kN> sum = load_floats<kN>(a + at, count, vectors);
    const Floats<kN> other = load_floats<kN>(b + at, count, vectors);
#pragma unroll
    for (int j = 0; j < kN; ++j) sum.value[j] += other.value[j];
    store_floats(y + at, sum, count, vectors);
  });
}

template <int kN, class From, class To>
__global__ void accumulate_kernel(const From* dy, Grad<To> dx, float scale, int64_t n, bool vectors) {
  for_piece<kN>(n, [&](int64_t at, int count) {
    Floats<kN> x = load_floats<kN>(dy + at, count, vectors);
#pragma unroll
    for (int j = 0; j < kN; ++j) x.value[j] *= scale;
    put_floats(dx, at, x, count, vectors);
  });
}

template <int kN, class From, class To>
__global__ void cast_kernel(const From* x, To* y, int64_t n, bool vectors) {
  for_piece<kN>(
      n, [&](int64_t at, int count) { store_floats(y + at, load_floats<kN>(x + at, count, vectors), count, vectors); });
}

template <int kN, class T>
__global__ void gather_rows_kernel(const T* x, const int32_t* rows, T* y, int64_t x_rows, int64_t width, int64_t y_rows,
                                   int items, int rows_per_block, DeviceFault* fault) {
  for_row_items(y_rows, items, rows_per_block, [&](int64_t i, int item) {
    const int32_t row = rows[i];
    if (row < 0 || row >= x_rows) {
      if (item == 0) record_fault(fault, FaultPlace::kGatherRows, i, row, x_rows);
      return;
    }
    const int64_t column = int64_t{item} * kN;
    store_vector(y + i * width + column, load_vector<kN>(x + row * width + column));
  });
}

/// Elements a thread: 16 bytes of the wider of two types.
template <class From, class To>
constexpr int kPairWidth = 16 / std::max(sizeof(From), sizeof(To));

template <int kN, class T>
void gather_rows(CudaBackend& cuda, const GatherRows& op) {
  const int64_t width = op.x.shape[1];
  const RowItems work(op.y.shape[0], width / kN);
  launch_kernel(cuda, "gather_rows", gather_rows_kernel<kN, T>, work.shape(), op.x.as<T>(), op.rows.as<int32_t>(),
                op.y.as<T>(), op.x.shape[0], width, work.rows, work.items, work.rows_per_block, cuda.fault());
}

}  // namespace

void run(CudaBackend& cuda, const Add& op) {
  visit_float(op.y.dtype, [&]<class T> {
    constexpr int kN = Vector<T>::kWidth;
    const T *const a = op.a.as<T>(), *const b = op.b.as<T>();
    T* const y = op.y.as<T>();
    const int64_t n = op.y.elements();
    launch_kernel(cuda, "add", add_kernel<kN, T>, flat_shape<kN>(n), a, b, y, n, aligned<kN>(a, b, y));
  });
}

void run(CudaBackend& cuda, const Accumulate& op) {
  if (!op.dx) return;
  visit_float(op.dy.dtype, [&]<class From> {
    visit_float(op.dx.tensor.dtype, [&]<class To> {
      constexpr int kN = kPairWidth<From, To>;
      const From* const dy = op.dy.as<From>();
      const Grad<To> dx = typed_grad<To>(op.dx);
      const int64_t n = op.dy.elements();
      launch_kernel(cuda, "accumulate", accumulate_kernel<kN, From, To>, flat_shape<kN>(n), dy, dx, op.scale, n,
                    aligned<kN>(dy, dx.data));
    });
  });
}

void run(CudaBackend& cuda, const Cast& op) {
  visit_float(op.x.dtype, [&]<class From> {
    visit_float(op.y.dtype, [&]<class To> {
      constexpr int kN = kPairWidth<From, To>;
      const From* const x = op.x.as<From>();
      To* const y = op.y.as<To>();
      const int64_t n = op.y.elements();
      launch_kernel(cuda, "cast", cast_kernel<kN, From, To>, flat_shape<kN>(n), x, y, n, aligned<kN>(x, y));
    });
  });
}

void run(CudaBackend& cuda, const GatherRows& op) {
  visit_float(op.x.dtype, [&]<class T> {
    constexpr int kN = Vector<T>::kWidth;
    if (op.x.shape[1] % kN == 0 && aligned<kN>(op.x.as<T>(), op.y.as<T>()))
      gather_rows<kN, T>(cuda, op);
    else
      gather_rows<1, T>(cuda, op);
  });
}

}  // namespace lorica
