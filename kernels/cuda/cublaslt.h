#pragma once
#include <cublasLt.h>

#include <memory>

#include "kernels/cuda/library.h"

namespace lorica {

/// The functions of cuBLASLt that are used, loaded at run time.
struct CublasLt {
  CublasLt();

  SharedLibrary library;
  decltype(cublasLtCreate)* create;
  decltype(cublasLtDestroy)* destroy;
  decltype(cublasLtGetVersion)* version;
  decltype(cublasLtGetStatusString)* status_text;
  decltype(cublasLtMatmul)* matmul;
  decltype(cublasLtMatmulAlgoGetHeuristic)* heuristic;
  decltype(cublasLtMatmulAlgoCheck)* check_algorithm;
  decltype(cublasLtMatmulAlgoConfigGetAttribute)* algorithm_attribute;
  decltype(cublasLtMatmulDescCreate)* create_product;
  decltype(cublasLtMatmulDescDestroy)* destroy_product;
  decltype(cublasLtMatmulDescSetAttribute)* set_product;
  decltype(cublasLtMatrixLayoutCreate)* create_layout;
  decltype(cublasLtMatrixLayoutDestroy)* destroy_layout;
  decltype(cublasLtMatmulPreferenceCreate)* create_preference;
  decltype(cublasLtMatmulPreferenceDestroy)* destroy_preference;
  decltype(cublasLtMatmulPreferenceSetAttribute)* set_preference;

  /// Throws RunError "cuBLASLt: <what>: <its words>" unless the call succeeded.
  void require(cublasStatus_t status, const char* what) const;
  /// "13.1.0"
  std::string version_text() const;

  template <class Handle>
  using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, cublasStatus_t (*)(Handle)>;
  Owned<cublasLtMatrixLayout_t> layout(cudaDataType_t type, int64_t rows, int64_t columns, int64_t stride) const;
};

}  // namespace lorica
