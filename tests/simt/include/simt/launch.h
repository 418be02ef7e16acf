#pragma once
#include <functional>
#include <tuple>

#include "simt/runtime_api.h"

struct cudaLaunchAttribute;
struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
  cudaLaunchAttribute* attrs = nullptr;
  unsigned numAttrs = 0;
};

namespace simt {

struct Launch {
  const void* kernel;
  dim3 grid, block;
  size_t shared_bytes;
};

/// Enqueues a kernel: `thread` runs once for every thread. Refuses a launch that no GPU would take.
cudaError_t enqueue_kernel(cudaStream_t, const Launch&, std::function<void()> thread);

/// Enqueues work of the host, for what stands in for a library.
cudaError_t enqueue_host(cudaStream_t, std::function<void()> work);

}  // namespace simt

/// The arguments are copied at the call, as CUDA does.
template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               Arguments&&... arguments) {
  const simt::Launch launch{reinterpret_cast<const void*>(kernel), config->gridDim, config->blockDim,
                            config->dynamicSmemBytes};
  return simt::enqueue_kernel(config->stream, launch,
                              [kernel, values = std::tuple<Parameters...>(std::forward<Arguments>(arguments)...)] {
                                std::apply(kernel, values);
                              });
}
