#include "kernels/cuda/memory.h"

#include "kernels/cuda/backend.h"

namespace lorica {

CudaMemory::CudaMemory(CudaBackend& cuda) : cuda_(cuda), ring_(cuda.stream()) {}

void* CudaMemory::allocate(size_t bytes) {
  cuda_.refuse_while_capturing("an allocation");
  void* block = nullptr;
  const cudaError_t status = cudaMalloc(&block, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // clears it: the caller decides what running out means
    return nullptr;
  }
  check_cuda(status, "allocation");
  return block;
}

void CudaMemory::copy_in(void* to, const void* from, size_t bytes) {
  if (bytes == 0) return;
  cuda_.refuse_while_capturing("a copy from the host");
  if (bytes <= PinnedRing::kSlotBytes) {
    ring_.upload(to, from, bytes);
  } else {
    check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, cuda_.stream()), "copy to the GPU");
    check_cuda(cudaStreamSynchronize(cuda_.stream()), "copy to the GPU");
  }
}

void CudaMemory::copy_out(void* to, const void* from, size_t bytes) {
  if (bytes == 0) return;
  cuda_.refuse_while_capturing("a copy to the host");
  check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, cuda_.stream()), "copy from the GPU");
  cuda_.faults().wait_and_check();
}

void CudaMemory::copy(void* to, const void* from, size_t bytes) {
  if (bytes > 0) check_cuda(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, cuda_.stream()), "copy");
}

void CudaMemory::clear(void* to, size_t bytes) {
  if (bytes > 0) check_cuda(cudaMemsetAsync(to, 0, bytes, cuda_.stream()), "clear");
}

size_t CudaMemory::free_bytes() const {
  size_t free = 0, total = 0;
  check_cuda(cudaMemGetInfo(&free, &total), "free memory");
  return free;
}

}  // namespace lorica
