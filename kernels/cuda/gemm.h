#pragma once
#include "kernels/cuda/backend.h"

namespace lorica {

/// d = alpha op(a) op(b) (+ bias) (+ addend), all row-major: op(a) [m, k], op(b) [k, n], d [m, n].
/// a and b have one dtype, f32 or bf16; d is f32 or that dtype; accumulation and alpha are f32, d is rounded once.
/// f32 products are true f32 (no TF32).
struct CudaMatrix {
  const void* data = nullptr;
  Dtype dtype = Dtype::f32;
  int64_t stride = 0;       ///< elements from one stored row to the next
  bool transposed = false;  ///< op(x) is the transpose of what is stored
};
struct CudaProduct {
  CudaMatrix a, b;
  void* d = nullptr;
  Dtype d_dtype = Dtype::f32;
  int64_t d_stride = 0;
  int64_t m = 0, n = 0, k = 0;
  float alpha = 1;
  const void* addend = nullptr;  ///< [m, n] of d's dtype and stride, may be d itself (then d is added to); or null
  In bias = {};                  ///< [n], f32 or d's dtype, added to every row; or empty
};

/// The library behind gemm(): cuBLASLt on a GPU (gemm_cublaslt.cpp), a plain loop under the SIMT harness.
class CudaGemm {
 public:
  virtual ~CudaGemm() = default;
  virtual void run(CudaBackend&, const CudaProduct&) = 0;
  /// Which library, which version, from which file: whole lines; or empty.
  virtual std::string describe() const { return ""; }
};
std::unique_ptr<CudaGemm> make_cuda_gemm(CudaBackend&);

/// An empty product (m or n is 0) is no work; k = 0 gives the bias and the addend alone.
void gemm(CudaBackend& cuda, const CudaProduct& product);

/// d = product (+ bias) (+ addend) with the product [m, n] in f32, or null for none: for what the library's own
/// epilogues lack, still rounded once. Of `shape`, a, b, k and alpha are not read.
void finish_gemm(CudaBackend& cuda, const float* product, const CudaProduct& shape);

/// A stored row-major matrix [rows, columns] as an operand.
inline CudaMatrix matrix(const In& view, bool transposed = false) {
  return {.data = view.data, .dtype = view.dtype, .stride = view.shape[-1], .transposed = transposed};
}

}  // namespace lorica
