#include "kernels/ops/softcap.h"

#include "kernels/cuda/launch.h"

namespace lorica {
namespace {

__global__ void softcap_kernel(const float* x, float* y, float cap, int64_t n) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < n) y[i] = cap * tanhf(x[i] / cap);
}

}  // namespace

void run(CudaBackend& cuda, const SoftCap& op) {
  const int64_t n = op.y.elements();
  launch_kernel(cuda, "softcap", softcap_kernel, {.grid = static_cast<unsigned>((n + 255) / 256), .block = 256},
                op.x.as<float>(), op.y.as<float>(), op.cap, n);
}

}  // namespace lorica
