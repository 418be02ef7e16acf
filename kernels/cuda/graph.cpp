#include "kernels/cuda/graph.h"

namespace lorica {
namespace {

/// The stream records from construction to end(), or to destruction when the recorded work throws.
class Recording {
 public:
  explicit Recording(CudaBackend& cuda) : cuda_(cuda) {
    cuda_.refuse_while_capturing("another recording");
    check_cuda(cudaStreamBeginCapture(cuda_.stream(), cudaStreamCaptureModeThreadLocal), "start of a graph");
    cuda_.set_capturing(true);
  }
  ~Recording() {
    if (cuda_.capturing()) {
      stop();
      cudaGetLastError();  // the error that is on its way says more
    }
    if (graph_) cudaGraphDestroy(graph_);
  }
  cudaGraph_t end() {
    check_cuda(stop(), "end of a graph");
    return graph_;
  }

 private:
  cudaError_t stop() {
    cuda_.set_capturing(false);
    return cudaStreamEndCapture(cuda_.stream(), &graph_);
  }
  CudaBackend& cuda_;
  cudaGraph_t graph_ = nullptr;
};

}  // namespace

CudaGraph::CudaGraph(CudaBackend& cuda, const std::function<void()>& work) : cuda_(cuda) {
  Recording recording(cuda);
  work();
  check_cuda(cudaGraphInstantiate(&executable_, recording.end(), 0), "graph");
  scratch_ = cuda.scratch_blocks();
}

CudaGraph::~CudaGraph() {
  cudaStreamSynchronize(cuda_.stream());  // a replay may be on its way
  cudaGraphExecDestroy(executable_);
}

void CudaGraph::replay() {
  check_cuda(cudaGraphLaunch(executable_, cuda_.stream()), "graph");
  cuda_.after_launch("graph");
}

std::unique_ptr<StepGraph> capture(CudaBackend& cuda, const std::function<void()>& work) {
  return std::make_unique<CudaGraph>(cuda, work);
}

}  // namespace lorica
