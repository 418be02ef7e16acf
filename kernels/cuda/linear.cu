#include "kernels/ops/linear.h"

#include "kernels/cuda/device/scalar.cuh"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/partial_sums.h"
#include "kernels/cuda/shapes.h"

namespace lorica {
namespace {

/// Sums over the blockIdx.y-th `each` rows, a thread a column.
template <class T>
__global__ void column_sums_kernel(const T* x, int64_t rows, int64_t columns, int64_t each, float* partials) {
  const int64_t column = int64_t{blockIdx.x} * blockDim.x + threadIdx.x, part = blockIdx.y;
  if (column >= columns) return;
  const int64_t end = (part + 1) * each < rows ? (part + 1) * each : rows;
  float sum = 0;
#pragma unroll 8
  for (int64_t row = part * each; row < end; ++row) sum += device::to_float(x[row * columns + column]);
  partials[part * columns + column] = sum;
}

void column_sums(CudaBackend& cuda, const In& x, const GradOut& to) {
  const int64_t rows = x.shape[0], columns = x.shape[1];
  constexpr int64_t kMaxParts = 65535;  // of a grid's second dimension
  const int64_t each = std::max(tile::kColumnRows, (rows + kMaxParts - 1) / kMaxParts);
  const int64_t parts = (rows + each - 1) / each;
  float* const partials = cuda.scratch<float>(CudaBackend::kScratch1, parts * columns);
  visit_float(x.dtype, [&]<class T> {
    const auto across = static_cast<unsigned>((columns + tile::kColumnThreads - 1) / tile::kColumnThreads);
    launch_kernel(cuda, "column_sums", column_sums_kernel<T>,
                  {.grid = dim3(across, static_cast<unsigned>(parts)), .block = tile::kColumnThreads}, x.as<T>(), rows,
                  columns, each, partials);
  });
  add_partials(cuda, partials, parts, 1, to);
}

}  // namespace

void run(CudaBackend& cuda, const LinearFwd& op) {
  gemm(cuda, {.a = matrix(op.x),
              .b = matrix(op.w.w, op.w.layout == WeightLayout::kOutIn),
              .d = op.y.data,
              .d_dtype = op.y.dtype,
              .d_stride = op.y.shape[1],
              .m = op.y.shape[0],
              .n = op.y.shape[1],
              .k = op.x.shape[1],
              .addend = op.residual.data,
              .bias = op.bias});
}

void run(CudaBackend& cuda, const LinearBwd& op) {
  if (!op.dx) return;
  const Out& dx = op.dx.tensor;
  gemm(cuda, {.a = matrix(op.dy),
              .b = matrix(op.w.w, op.w.layout == WeightLayout::kInOut),
              .d = dx.data,
              .d_dtype = dx.dtype,
              .d_stride = dx.shape[1],
              .m = dx.shape[0],
              .n = dx.shape[1],
              .k = op.dy.shape[1],
              .addend = op.dx.mode == GradMode::kAdd ? dx.data : nullptr});
}

void run(CudaBackend& cuda, const LinearWeightGrad& op) {
  if (op.dw) {
    const bool out_in = op.layout == WeightLayout::kOutIn;
    const Out& dw = op.dw.tensor;
    gemm(cuda, {.a = matrix(out_in ? op.dy : op.x, true),
                .b = matrix(out_in ? op.x : op.dy),
                .d = dw.data,
                .d_dtype = Dtype::f32,
                .d_stride = dw.shape[1],
                .m = dw.shape[0],
                .n = dw.shape[1],
                .k = op.dy.shape[0],
                .addend = op.dw.mode == GradMode::kAdd ? dw.data : nullptr});
  }
  if (op.db) column_sums(cuda, op.dy, op.db);
}

}  // namespace lorica
