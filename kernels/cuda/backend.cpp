#include "kernels/cuda/backend.h"

#include <cstdlib>

#include "kernels/cuda/attention_library.h"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/memory.h"

namespace lorica {
namespace {

std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

/// Why there is no device, in the user's words.
std::string no_device(cudaError_t found) {
  const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (driver == 0) return fmt::format("no NVIDIA driver here ({})", cudaGetErrorString(found));
  if (driver < runtime && found != cudaSuccess && driver / 1000 < runtime / 1000)
    return fmt::format("the NVIDIA driver is for CUDA {}, this program for CUDA {}; update the driver",
                       version_text(driver), version_text(runtime));
  if (visible)
    return fmt::format("no GPU is visible: the environment has CUDA_VISIBLE_DEVICES='{}'; unset it or name a device",
                       visible);
  return fmt::format("no GPU here ({})", found == cudaSuccess ? "the driver lists none" : cudaGetErrorString(found));
}

}  // namespace

void check_cuda(cudaError_t status, const char* what, std::source_location place) {
  if (status == cudaSuccess) return;
  throw RunError("CUDA: {}: {} ({}:{})", what, cudaGetErrorString(status), place.file_name(), place.line());
}

CudaBackend::CudaBackend() {
  int count = 0;
  const cudaError_t found = cudaGetDeviceCount(&count);
  if (found != cudaSuccess || count == 0) throw Error("device: cuda: {}; use device: cpu", no_device(found));
  check_cuda(cudaSetDevice(0), "device 0");
  check_cuda(cudaGetDeviceProperties(&properties_, 0), "device 0");
  if (architecture() < 80)
    throw Error("device: cuda: {} is of architecture sm_{}; sm_80 (Ampere) or newer is needed; use device: cpu",
                properties_.name, architecture());
  check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "stream");
  fault_ = std::make_unique<FaultWord>(stream_);
  memory_ = std::make_unique<CudaMemory>(*this);
  gemms_ = make_cuda_gemm(*this);
  const char* const sync = std::getenv("LORICA_CUDA_SYNC");
  synchronous_ = sync && *sync == '1';
#ifndef LORICA_SIMT  // there are no NVIDIA tools to speak to
  install_nvtx();
#endif
}

CudaBackend::~CudaBackend() {
  attention_library_.reset();
  gemms_.reset();
  memory_.reset();
  fault_.reset();
  scratch_ = {};
  if (stream_) cudaStreamDestroy(stream_);
}

void* CudaBackend::scratch(Slot slot, size_t bytes) {
  Block& block = scratch_[slot];
  if (block.bytes >= bytes) return block.data.get();
  refuse_while_capturing("scratch that must grow");
  check_cuda(cudaStreamSynchronize(stream_), "scratch");
  block = {};
  constexpr size_t kStep = size_t{1} << 20;
  const size_t rounded = (bytes + kStep - 1) / kStep * kStep;
  block.data = {memory_->allocate(rounded), [](void* data) { cudaFree(data); }};
  if (!block.data) throw_out_of_memory(*memory_, rounded);
  block.bytes = rounded;
  return block.data.get();
}

std::vector<std::shared_ptr<void>> CudaBackend::scratch_blocks() const {
  std::vector<std::shared_ptr<void>> blocks;
  for (const Block& block : scratch_) blocks.push_back(block.data);
  return blocks;
}

void CudaBackend::set_attention_kernel(AttentionKernel kernel) {
  refuse_while_capturing("another attention kernel");
  if (kernel == AttentionKernel::kCudnn && !attention_library_)
    attention_library_ = std::make_unique<AttentionLibrary>(make_cudnn_attention(*this));
  attention_kernel_ = kernel;
}

void CudaBackend::refuse_while_capturing(const char* what) const {
  if (capturing_)
    throw RunError("{} cannot be part of a CUDA graph (asked for by {}); run the same shapes once before", what,
                   current_range());
}

void CudaBackend::after_launch(const char* name) {
  check_cuda(cudaGetLastError(), name);
  if (synchronous_ && !capturing_) check_cuda(cudaStreamSynchronize(stream_), name);
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
void set_attention_kernel(CudaBackend& cuda, AttentionKernel kernel) { cuda.set_attention_kernel(kernel); }
DeviceMemory& memory_of(CudaBackend& cuda) { return cuda.memory(); }

std::string describe(CudaBackend& cuda) {
  const cudaDeviceProp& card = cuda.properties();
  int driver = 0, runtime = 0;
  check_cuda(cudaDriverGetVersion(&driver), "driver version");
  check_cuda(cudaRuntimeGetVersion(&runtime), "runtime version");
  constexpr double kGiB = 1 << 30;
  return fmt::format(
      "device: cuda: {}, sm_{}, {} multiprocessors, {:.1f} GiB ({:.1f} GiB free)\n"
      "CUDA: runtime {}, the driver is for {}\n{}",
      card.name, cuda.architecture(), card.multiProcessorCount, static_cast<double>(card.totalGlobalMem) / kGiB,
      static_cast<double>(cuda.memory().free_bytes()) / kGiB, version_text(runtime), version_text(driver),
      cuda.gemms().describe() + (cuda.attention_library() ? cuda.attention_library()->describe() : ""));
}

}  // namespace lorica
