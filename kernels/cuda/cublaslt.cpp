#include <fmt/format.h>

#include "kernels/cuda/cublaslt.h"
#include "kernels/error.h"

namespace lorica {

CublasLt::CublasLt() : library(fmt::format("libcublasLt.so.{}", CUBLAS_VER_MAJOR), LibraryPlaces::from_environment()) {
  library.get("cublasLtCreate", create);
  library.get("cublasLtDestroy", destroy);
  library.get("cublasLtGetVersion", version);
  library.get("cublasLtGetStatusString", status_text);
  library.get("cublasLtMatmul", matmul);
  library.get("cublasLtMatmulAlgoGetHeuristic", heuristic);
  library.get("cublasLtMatmulAlgoCheck", check_algorithm);
  library.get("cublasLtMatmulAlgoConfigGetAttribute", algorithm_attribute);
  library.get("cublasLtMatmulDescCreate", create_product);
  library.get("cublasLtMatmulDescDestroy", destroy_product);
  library.get("cublasLtMatmulDescSetAttribute", set_product);
  library.get("cublasLtMatrixLayoutCreate", create_layout);
  library.get("cublasLtMatrixLayoutDestroy", destroy_layout);
  library.get("cublasLtMatmulPreferenceCreate", create_preference);
  library.get("cublasLtMatmulPreferenceDestroy", destroy_preference);
  library.get("cublasLtMatmulPreferenceSetAttribute", set_preference);
}

void CublasLt::require(cublasStatus_t status, const char* what) const {
  if (status != CUBLAS_STATUS_SUCCESS) throw RunError("cuBLASLt: {}: {}", what, status_text(status));
}

std::string CublasLt::version_text() const {
  const size_t number = version();
  return fmt::format("{}.{}.{}", number / 10000, number / 100 % 100, number % 100);
}

CublasLt::Owned<cublasLtMatrixLayout_t> CublasLt::layout(cudaDataType_t type, int64_t rows, int64_t columns,
                                                         int64_t stride) const {
  cublasLtMatrixLayout_t made = nullptr;
  require(create_layout(&made, type, static_cast<uint64_t>(rows), static_cast<uint64_t>(columns), stride), "matrix");
  return {made, destroy_layout};
}

}  // namespace lorica
