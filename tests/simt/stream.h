#pragma once
#include <cuda_runtime.h>

#include <functional>
#include <memory>
#include <vector>

namespace simt {

/// A piece of enqueued work. It answers cudaSuccess or what went wrong.
using Work = std::function<cudaError_t()>;

/// What a capture has recorded so far, over all streams that take part.
struct Capture {
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  SimtStream* origin = nullptr;
  std::vector<SimtStream*> joined;
  std::vector<Work> work;
  bool invalid = false;
};

/// Runs the work now, or records it where the stream is captured.
cudaError_t enqueue(cudaStream_t, Work);

/// Keeps the error for cudaGetLastError() and gives it back.
cudaError_t remember(cudaError_t);

/// For a call that no capture allows: the error, with the capture made invalid, or cudaSuccess where none is going on.
cudaError_t refuse_while_capturing();

}  // namespace simt

struct SimtStream {
  std::shared_ptr<simt::Capture> capture;
};
struct SimtEvent {
  std::shared_ptr<simt::Capture> capture;  ///< in which it was recorded last
  bool timed = true;
  double seconds = 0;
};
struct SimtGraph {
  std::vector<simt::Work> work;
};
struct SimtGraphExec {
  std::vector<simt::Work> work;
};
