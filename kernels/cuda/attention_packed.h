#pragma once
#include "kernels/cuda/attention_library.h"

// The small kernels around an attention library.
namespace lorica {

/// Fills data's offsets and lengths from cu_seqlens [documents + 1], which lie on the device.
void write_packed_offsets(CudaBackend&, const PackedAttention&, const int32_t* cu_seqlens, const PackedAttentionData&);
/// to [columns, rows] = the transpose of from [rows, columns].
void transpose_rows(CudaBackend&, const float* from, int64_t rows, int64_t columns, float* to);
/// sum += x, n elements.
void add_rounded(CudaBackend&, const bf16* x, bf16* sum, int64_t n);

}  // namespace lorica
