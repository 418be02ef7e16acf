#include "kernels/cuda/partial_sums.h"

#include "kernels/cuda/device/pieces.cuh"
#include "kernels/cuda/shapes.h"

namespace lorica {
namespace {

template <class T>
__global__ void add_partials_kernel(const float* partials, int64_t parts, int64_t n, float alpha, device::Grad<T> to) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  float sum = 0;
#pragma unroll 8
  for (int64_t part = 0; part < parts; ++part) sum += partials[part * n + i];
  device::put_floats(to, i, device::Floats<1>{{alpha * sum}}, 1, false);
}

}  // namespace

void add_partials(CudaBackend& cuda, const float* partials, int64_t parts, float alpha, const GradOut& to) {
  visit_float(to.tensor.dtype, [&]<class T> {
    const int64_t n = to.tensor.elements();
    launch_kernel(cuda, "add_partials", add_partials_kernel<T>, flat_shape<1>(n), partials, parts, n, alpha,
                  device::Grad<T>{to.tensor.as<T>(), to.mode});
  });
}

}  // namespace lorica
