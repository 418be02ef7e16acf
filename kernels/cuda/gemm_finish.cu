#include "kernels/cuda/device/scalar.cuh"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/shapes.h"

namespace lorica {
namespace {

/// One thread an element; `addend` may be `d`.
template <class T, class B>
__global__ void gemm_finish_kernel(const float* product, const T* addend, const B* bias, T* d, int64_t stride,
                                   int64_t elements, int64_t n) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= elements) return;
  const int64_t row = i / n, column = i % n, at = row * stride + column;
  float sum = product ? product[i] : 0.0f;
  if (bias) sum += device::to_float(bias[column]);
  if (addend) sum += device::to_float(addend[at]);
  d[at] = device::from_float<T>(sum);
}

}  // namespace

void finish_gemm(CudaBackend& cuda, const float* product, const CudaProduct& shape) {
  const int64_t elements = shape.m * shape.n;
  visit_float(shape.d_dtype, [&]<class T> {
    const auto run = [&]<class B>(const B* bias) {
      launch_kernel(cuda, "gemm_finish", gemm_finish_kernel<T, B>, flat_shape<1>(elements), product,
                    static_cast<const T*>(shape.addend), bias, static_cast<T*>(shape.d), shape.d_stride, elements,
                    shape.n);
    };
    if (shape.bias && shape.bias.dtype == Dtype::f32)
      run(shape.bias.as<float>());
    else
      run(shape.bias ? shape.bias.as<T>() : nullptr);
  });
}

}  // namespace lorica
