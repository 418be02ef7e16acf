#include <vector>

#include "kernels/cuda/gemm.h"

namespace lorica {
namespace {

float load(const void* data, Dtype dtype, int64_t i) {
  return dtype == Dtype::bf16 ? static_cast<float>(static_cast<const bf16*>(data)[i])
                              : static_cast<const float*>(data)[i];
}
void store(void* data, Dtype dtype, int64_t i, float value) {
  if (dtype == Dtype::bf16)
    static_cast<bf16*>(data)[i] = bf16(value);
  else
    static_cast<float*>(data)[i] = value;
}

/// op(matrix) [rows, columns] as f32, dense.
std::vector<float> widened(const CudaMatrix& matrix, int64_t rows, int64_t columns) {
  std::vector<float> result(static_cast<size_t>(rows * columns));
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      result[static_cast<size_t>(i * columns + j)] =
          load(matrix.data, matrix.dtype, matrix.transposed ? j * matrix.stride + i : i * matrix.stride + j);
  return result;
}

void multiply(const CudaProduct& p) {
  const std::vector<float> a = widened(p.a, p.m, p.k), b = widened(p.b, p.k, p.n);
  std::vector<float> row(static_cast<size_t>(p.n));
  for (int64_t i = 0; i < p.m; ++i) {
    row.assign(row.size(), 0.0f);
    for (int64_t k = 0; k < p.k; ++k) {
      const float x = a[static_cast<size_t>(i * p.k + k)];
      const float* const from = b.data() + k * p.n;
      for (int64_t j = 0; j < p.n; ++j) row[static_cast<size_t>(j)] += x * from[j];
    }
    for (int64_t j = 0; j < p.n; ++j) {
      float value = p.alpha * row[static_cast<size_t>(j)];
      if (p.bias.data) value += load(p.bias.data, p.bias.dtype, j);
      if (p.addend) value += load(p.addend, p.d_dtype, i * p.d_stride + j);
      store(p.d, p.d_dtype, i * p.d_stride + j, value);
    }
  }
}

/// Plain loops on the host, in the order of the stream, in the place of cuBLASLt.
class PlainGemm : public CudaGemm {
 public:
  void run(CudaBackend& cuda, const CudaProduct& product) override {
    check_cuda(simt::enqueue_host(cuda.stream(), [product] { multiply(product); }), "gemm");
  }
};

}  // namespace

std::unique_ptr<CudaGemm> make_cuda_gemm(CudaBackend&) { return std::make_unique<PlainGemm>(); }

}  // namespace lorica
