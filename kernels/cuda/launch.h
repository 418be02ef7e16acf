#pragma once
#include <utility>

#include "kernels/cuda/backend.h"

namespace lorica {

struct LaunchShape {
  dim3 grid = 1, block = 128;
  size_t shared_bytes = 0;  ///< of the struct that the kernel takes with shared_storage<T>()
};

/// Lets the kernel use `bytes` of shared memory where that is more than it may by default.
void allow_shared_bytes(const void* kernel, size_t bytes, const char* name);

/// Runs a kernel on the backend's stream: the one way to launch. An empty grid is no work. Arguments are converted to
/// the kernel's parameters.
template <class... Parameters, class... Arguments>
void launch_kernel(CudaBackend& cuda, const char* name, void (*kernel)(Parameters...), const LaunchShape& shape,
                   Arguments&&... arguments) {
  if (shape.grid.x == 0 || shape.grid.y == 0 || shape.grid.z == 0) return;
  if (shape.shared_bytes > 48 * 1024)
    allow_shared_bytes(reinterpret_cast<const void*>(kernel), shape.shared_bytes, name);
  cudaLaunchConfig_t config{};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = cuda.stream();
  check_cuda(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), name);
  cuda.after_launch(name);
}

}  // namespace lorica
