#include <cuda_profiler_api.h>
#include <nvtx3/nvToolsExt.h>

#include "kernels/cuda/backend.h"
#include "kernels/profile.h"

namespace lorica {
namespace {

/// NVTX's default domain, so that ncu's --nvtx-include takes the plain names.
class Nvtx : public Profiler {
 public:
  void push(const char* name) override { nvtxRangePushA(name); }
  void pop() override { nvtxRangePop(); }
  void start() override { check_cuda(cudaProfilerStart(), "start of the profile"); }
  void stop() override {
    check_cuda(cudaDeviceSynchronize(), "end of the profile");
    check_cuda(cudaProfilerStop(), "end of the profile");
  }
};

}  // namespace

void install_nvtx() {
  static Nvtx nvtx;
  install_profiler(&nvtx);
}

}  // namespace lorica
