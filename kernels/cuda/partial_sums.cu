#include "kernels/cuda/partial_sums.h"

#include "kernels/cuda/device/pieces.cuh"
#include "kernels/cuda/device/shared.cuh"
#include "kernels/cuda/shapes.h"

namespace lorica {
namespace {

struct StripShared {
  float sums[tile::kPartialStrips][tile::kPartialColumns];
};

/// A thread a column and strip; blocks of one strip are wider and share nothing.
template <class T>
__global__ void add_partials_kernel(const float* partials, int64_t parts, int64_t n, float alpha, device::Grad<T> to) {
  const int64_t column = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int strip = static_cast<int>(threadIdx.y), strips = static_cast<int>(blockDim.y);
  float sum = 0;
  if (column < n) {
#pragma unroll 8
    for (int64_t part = strip; part < parts; part += strips) sum += partials[part * n + column];
  }
  if (strips > 1) {
    StripShared& shared = device::shared_storage<StripShared>();
    shared.sums[strip][threadIdx.x] = sum;
    __syncthreads();
    sum = 0;
    for (int s = 0; s < strips; ++s) sum += shared.sums[s][threadIdx.x];
  }
  if (strip == 0 && column < n) device::put_floats(to, column, device::Floats<1>{{alpha * sum}}, 1, false);
}

}  // namespace

void add_partials(CudaBackend& cuda, const float* partials, int64_t parts, float alpha, const GradOut& to) {
  const int64_t n = to.tensor.elements();
  const int strips = tile::partial_strips(parts), columns = strips > 1 ? tile::kPartialColumns : tile::kFlatThreads;
  const LaunchShape shape{.grid = static_cast<unsigned>((n + columns - 1) / columns),
                          .block = dim3(static_cast<unsigned>(columns), static_cast<unsigned>(strips)),
                          .shared_bytes = strips > 1 ? sizeof(StripShared) : 0};
  visit_float(to.tensor.dtype, [&]<class T> {
    launch_kernel(cuda, "add_partials", add_partials_kernel<T>, shape, partials, parts, n, alpha,
                  device::Grad<T>{to.tensor.as<T>(), to.mode});
  });
}

}  // namespace lorica
