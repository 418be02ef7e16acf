#include "kernels/cuda/backend.h"

#include <cstdlib>

#include "kernels/cuda/gemm.h"
#include "kernels/cuda/launch.h"

namespace lorica {

void check_cuda(cudaError_t status, const char* what, std::source_location place) {
  if (status == cudaSuccess) return;
  throw RunError("CUDA: {}: {} ({}:{})", what, cudaGetErrorString(status), place.file_name(), place.line());
}

class CudaBackend::Memory : public DeviceMemory {
 public:
  Memory(cudaStream_t stream, FaultWord& fault) : stream_(stream), fault_(fault) {}
  void* allocate(size_t bytes) override {
    void* block = nullptr;
    if (cudaMalloc(&block, bytes) == cudaSuccess) return block;
    cudaGetLastError();  // clears it: the caller decides what running out means
    return nullptr;
  }
  void release(void* block) noexcept override { cudaFree(block); }
  void copy_in(void* to, const void* from, size_t bytes) override {
    copy_async(to, from, bytes, cudaMemcpyHostToDevice);
    wait();
  }
  void copy_out(void* to, const void* from, size_t bytes) override {
    copy_async(to, from, bytes, cudaMemcpyDeviceToHost);
    fault_.wait_and_check();
  }
  void copy(void* to, const void* from, size_t bytes) override {
    copy_async(to, from, bytes, cudaMemcpyDeviceToDevice);
  }
  void clear(void* to, size_t bytes) override {
    if (bytes > 0) check_cuda(cudaMemsetAsync(to, 0, bytes, stream_), "clear");
  }
  size_t free_bytes() const override {
    size_t free = 0, total = 0;
    check_cuda(cudaMemGetInfo(&free, &total), "free memory");
    return free;
  }

 private:
  void copy_async(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    if (bytes > 0) check_cuda(cudaMemcpyAsync(to, from, bytes, kind, stream_), "copy");
  }
  void wait() { check_cuda(cudaStreamSynchronize(stream_), "copy"); }
  cudaStream_t stream_;
  FaultWord& fault_;
};

CudaBackend::CudaBackend() {
  int count = 0;
  const cudaError_t found = cudaGetDeviceCount(&count);
  if (found != cudaSuccess || count == 0)
    throw Error("device: cuda: no GPU here ({})", found == cudaSuccess ? "none is visible" : cudaGetErrorString(found));
  check_cuda(cudaSetDevice(0), "device 0");
  check_cuda(cudaGetDeviceProperties(&properties_, 0), "device 0");
  if (architecture() < 80)
    throw Error("device: cuda: {} is of architecture sm_{}; sm_80 or newer is needed", properties_.name,
                architecture());
  check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
  fault_ = std::make_unique<FaultWord>(stream_);
  memory_ = std::make_unique<Memory>(stream_, *fault_);
  gemms_ = make_cuda_gemm(*this);
  const char* const sync = std::getenv("LORICA_CUDA_SYNC");
  synchronous_ = sync && *sync == '1';
}

CudaBackend::~CudaBackend() {
  gemms_.reset();
  fault_.reset();
  for (const Block& block : scratch_) cudaFree(block.data);
  if (stream_) cudaStreamDestroy(stream_);
}

void* CudaBackend::scratch(Slot slot, size_t bytes) {
  Block& block = scratch_[slot];
  if (block.bytes >= bytes) return block.data;
  check_cuda(cudaStreamSynchronize(stream_), "scratch");
  check_cuda(cudaFree(block.data), "scratch");
  block = {};
  constexpr size_t kStep = size_t{1} << 20;
  const size_t rounded = (bytes + kStep - 1) / kStep * kStep;
  block.data = memory_->allocate(rounded);
  if (!block.data) throw RunError("out of GPU memory: scratch of {} bytes, {} free", rounded, memory_->free_bytes());
  block.bytes = rounded;
  return block.data;
}

void CudaBackend::after_launch(const char* name) {
  check_cuda(cudaGetLastError(), name);
  if (synchronous_) check_cuda(cudaStreamSynchronize(stream_), name);
}

void allow_shared_bytes(const void* kernel, size_t bytes, const char* name) {
  check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)), name);
}

void gemm(CudaBackend& cuda, const CudaProduct& product) {
  if (product.m == 0 || product.n == 0) return;
  cuda.gemms().run(cuda, product);
  cuda.after_launch("gemm");
}

std::shared_ptr<CudaBackend> open_cuda() { return std::make_shared<CudaBackend>(); }
DeviceMemory& memory_of(CudaBackend& cuda) { return cuda.memory(); }

}  // namespace lorica
