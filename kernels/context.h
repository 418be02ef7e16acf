#pragma once
#include <cstddef>
#include <memory>
#include <string>

#include "kernels/attention_kernel.h"
#include "kernels/memory.h"
#include "kernels/profile.h"
#include "kernels/tensor_view.h"

namespace lorica {

/// State of the CPU backend: scratch memory that grows to its high-water mark and stays (no allocation inside a step
/// once every shape was seen) and the cached oneDNN primitives. One object is used by one thread at a time; ops use all
/// cores by themselves through OpenMP.
class CpuBackend {
 public:
  CpuBackend();
  ~CpuBackend();
  CpuBackend(CpuBackend&&) noexcept;

  /// At least `bytes` of 64-byte aligned scratch, valid until the next call for the same slot. Slots keep an op's
  /// buffers apart; each op starts anew at slot 0.
  enum Slot { kScratch0, kScratch1, kScratch2, kScratch3, kGemmScratch, kSlotCount };
  void* scratch(Slot slot, size_t bytes);
  template <class T>
  T* scratch(Slot slot, int64_t elements) {
    return static_cast<T*>(scratch(slot, static_cast<size_t>(elements) * sizeof(T)));
  }
  /// Bytes held as scratch over all slots.
  size_t scratch_bytes() const;

  /// Primitive cache of kernels/cpu/gemm.cpp.
  struct GemmCache;
  GemmCache& gemm_cache() { return *gemm_cache_; }

 private:
  struct Buffers;
  std::unique_ptr<Buffers> buffers_;
  std::unique_ptr<GemmCache> gemm_cache_;
};

/// State of the CUDA backend; kernels/cuda/backend.h, which only the CUDA sources include.
class CudaBackend;
/// Opens the first visible GPU. Throws Error in one line where there is none, where it is too old, or where this build
/// has no CUDA. Defined once for each way to link: kernels/cuda, kernels/cuda_absent.
std::shared_ptr<CudaBackend> open_cuda();
DeviceMemory& memory_of(CudaBackend&);
/// From here on. Throws Error where a library is chosen that is not there.
void set_attention_kernel(CudaBackend&, AttentionKernel);
std::string describe(CudaBackend&);
std::string describe(CpuBackend&);

/// Where ops run, and on what.
struct Context {
  explicit Context(Device where = Device::kCpu) : device(where), cuda(where == Device::kCuda ? open_cuda() : nullptr) {}
  DeviceMemory& memory() { return device == Device::kCuda ? memory_of(*cuda) : host_memory(); }

  Device device;
  CpuBackend cpu;
  std::shared_ptr<CudaBackend> cuda;  ///< set where the device is kCuda
};

/// One line a fact: the device's name and memory, the libraries in use and where they were found.
inline std::string describe(Context& context) {
  return context.device == Device::kCuda ? describe(*context.cuda) : describe(context.cpu);
}

/// Checks an op's arguments and runs it on the context's device: the one place where a device is chosen.
template <class Op>
void launch(Context& context, const Op& op) {
  op.check();
  const ProfileRange range(op_name<Op>());
  if (context.device == Device::kCuda)
    run(*context.cuda, op);
  else
    run(context.cpu, op);
}

}  // namespace lorica
