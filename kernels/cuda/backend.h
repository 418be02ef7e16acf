#pragma once
#include <cuda_runtime.h>

#include <array>
#include <memory>
#include <source_location>
#include <vector>

#include "kernels/context.h"
#include "kernels/cuda/fault.h"

namespace lorica {

/// Throws RunError "CUDA: <what>: <the runtime's words> (file:line)" unless the call succeeded.
void check_cuda(cudaError_t status, const char* what, std::source_location = std::source_location::current());

class CudaGemm;
class AttentionLibrary;

/// State of the CUDA backend: one device, one stream on which every op, copy and clear is ordered, scratch memory that
/// grows to its high-water mark and stays, and the GEMM library's handle.
class CudaBackend {
 public:
  /// The first visible device. Throws Error as open_cuda() says.
  CudaBackend();
  ~CudaBackend();
  CudaBackend(const CudaBackend&) = delete;
  CudaBackend& operator=(const CudaBackend&) = delete;

  cudaStream_t stream() const { return stream_; }
  const cudaDeviceProp& properties() const { return properties_; }
  /// 80, 86, 90, ...
  int architecture() const { return properties_.major * 10 + properties_.minor; }
  DeviceMemory& memory() { return *memory_; }
  CudaGemm& gemms() { return *gemms_; }
  /// What the user chose. Throws Error as lorica::set_attention_kernel() says.
  AttentionKernel attention_kernel() const { return attention_kernel_; }
  void set_attention_kernel(AttentionKernel kernel);
  /// The library of that choice; null where it is none.
  AttentionLibrary* attention_library() {
    return attention_kernel_ == AttentionKernel::kCudnn ? attention_library_.get() : nullptr;
  }
  /// Where kernels record a wrong value; copies to the host report it.
  DeviceFault* fault() { return fault_->device(); }
  FaultWord& faults() { return *fault_; }

  /// At least `bytes` of 256-byte aligned device memory, valid until the next call for the same slot. Slots keep an
  /// op's buffers apart; each op starts anew at slot 0. Throws RunError where memory has run out, and where it would
  /// have to grow while a graph is recorded.
  enum Slot { kScratch0, kScratch1, kScratch2, kScratch3, kGemmWorkspace, kGemmResult, kSlotCount };
  void* scratch(Slot slot, size_t bytes);
  template <class T>
  T* scratch(Slot slot, int64_t elements) {
    return static_cast<T*>(scratch(slot, static_cast<size_t>(elements) * sizeof(T)));
  }
  /// The blocks behind the slots; who holds one keeps it, though the slot may move on to a bigger one.
  std::vector<std::shared_ptr<void>> scratch_blocks() const;

  /// Whether a graph is being recorded (kernels/cuda/graph.h): work is then noted down, not run.
  bool capturing() const { return capturing_; }
  void set_capturing(bool on) { capturing_ = on; }
  /// Throws RunError "<what> cannot be part of a CUDA graph ..." while one is recorded.
  void refuse_while_capturing(const char* what) const;

  /// Waits after every launch and names the kernel of a fault (LORICA_CUDA_SYNC=1, and tests).
  void set_synchronous(bool on) { synchronous_ = on; }
  /// Called by launch_kernel() and gemm() behind every piece of work.
  void after_launch(const char* name);

 private:
  struct Block {
    std::shared_ptr<void> data;
    size_t bytes = 0;
  };
  cudaDeviceProp properties_{};
  cudaStream_t stream_ = nullptr;
  std::unique_ptr<FaultWord> fault_;
  std::unique_ptr<DeviceMemory> memory_;
  std::unique_ptr<CudaGemm> gemms_;
  std::unique_ptr<AttentionLibrary> attention_library_;
  std::array<Block, kSlotCount> scratch_{};
  AttentionKernel attention_kernel_ = AttentionKernel::kAuto;
  bool synchronous_ = false, capturing_ = false;
};

/// Ranges and profile bounds go to NVIDIA's tools from here on.
void install_nvtx();

}  // namespace lorica
