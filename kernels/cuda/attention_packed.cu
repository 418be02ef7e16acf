#include "kernels/cuda/attention_packed.h"

#include "kernels/cuda/device/scalar.cuh"
#include "kernels/cuda/launch.h"

namespace lorica {
namespace {

using namespace device;

constexpr unsigned kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    packed_offsets_kernel(const int32_t* cu_seqlens, int documents, int heads, int query_width, int key_width,
                          int32_t* queries, int32_t* keys, int32_t* rows, int32_t* lengths) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i > documents) return;
  const int begin = cu_seqlens[i];
  queries[i] = begin * query_width;
  keys[i] = begin * key_width;
  rows[i] = begin * heads;
  if (i < documents) lengths[i] = cu_seqlens[i + 1] - begin;
}

__global__ void __launch_bounds__(kThreads)
    transpose_kernel(const float* from, int64_t rows, int64_t columns, float* to) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < rows * columns) to[i % columns * rows + i / columns] = from[i];
}

__global__ void __launch_bounds__(kThreads) add_rounded_kernel(const bf16* x, bf16* sum, int64_t n) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < n) put<true>(sum + i, to_float(x[i]));
}

LaunchShape threads_for(int64_t n) {
  return {.grid = static_cast<unsigned>((n + kThreads - 1) / kThreads), .block = kThreads};
}

}  // namespace

void write_packed_offsets(CudaBackend& cuda, const PackedAttention& p, const int32_t* cu_seqlens,
                          const PackedAttentionData& data) {
  launch_kernel(cuda, "packed_offsets", packed_offsets_kernel, threads_for(p.documents + 1), cu_seqlens,
                static_cast<int>(p.documents), static_cast<int>(p.heads), static_cast<int>(p.heads * p.d),
                static_cast<int>(p.kv_heads * p.d), data.query_offsets, data.key_offsets, data.row_offsets,
                data.lengths);
}

void transpose_rows(CudaBackend& cuda, const float* from, int64_t rows, int64_t columns, float* to) {
  launch_kernel(cuda, "transpose", transpose_kernel, threads_for(rows * columns), from, rows, columns, to);
}

void add_rounded(CudaBackend& cuda, const bf16* x, bf16* sum, int64_t n) {
  launch_kernel(cuda, "add_rounded", add_rounded_kernel, threads_for(n), x, sum, n);
}

}  // namespace lorica
