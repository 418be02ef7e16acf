#include "kernels/ops/softcap.h"

#include "kernels/cuda/device/pieces.cuh"
#include "kernels/cuda/shapes.h"

namespace lorica {
namespace {

using namespace device;

template <int kN>
__global__ void softcap_kernel(const float* x, float* y, float cap, int64_t n, bool vectors) {
  for_piece<kN>(n, [&](int64_t at, int count) {
    Floats<kN> v = load_floats<kN>(x + at, count, vectors);
#pragma unroll
    for (int j = 0; j < kN; ++j) v.value[j] = cap * tanhf(v.value[j] / cap);
    store_floats(y + at, v, count, vectors);
  });
}

}  // namespace

void run(CudaBackend& cuda, const SoftCap& op) {
  constexpr int kN = Vector<float>::kWidth;
  const float* const x = op.x.as<float>();
  float* const y = op.y.as<float>();
  const int64_t n = op.y.elements();
  launch_kernel(cuda, "softcap", softcap_kernel<kN>, flat_shape<kN>(n), x, y, op.cap, n, aligned<kN>(x, y));
}

}  // namespace lorica
