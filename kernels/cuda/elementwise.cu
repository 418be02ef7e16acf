#include "kernels/ops/elementwise.h"

#include "kernels/cuda/device/scalar.cuh"
#include "kernels/cuda/launch.h"

namespace lorica {
namespace {

template <class T>
__global__ void add_kernel(const T* a, const T* b, T* y, int64_t n) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < n) y[i] = device::from_float<T>(device::to_float(a[i]) + device::to_float(b[i]));
}

}  // namespace

void run(CudaBackend& cuda, const Add& op) {
  visit_float(op.y.dtype, [&]<class T> {
    const int64_t n = op.y.elements();
    launch_kernel(cuda, "add", add_kernel<T>, {.grid = static_cast<unsigned>((n + 255) / 256), .block = 256},
                  op.a.as<T>(), op.b.as<T>(), op.y.as<T>(), n);
  });
}

}  // namespace lorica
