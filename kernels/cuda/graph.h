#pragma once
#include <vector>

#include "kernels/cuda/backend.h"
#include "kernels/graph.h"

namespace lorica {

/// A CUDA graph of what `work` launched on the backend's stream; kernels/graph.h says what `work` may do. It keeps the
/// scratch blocks that it was recorded with.
class CudaGraph : public StepGraph {
 public:
  CudaGraph(CudaBackend& cuda, const std::function<void()>& work);
  ~CudaGraph() override;
  void replay() override;

 private:
  CudaBackend& cuda_;
  std::vector<std::shared_ptr<void>> scratch_;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace lorica
