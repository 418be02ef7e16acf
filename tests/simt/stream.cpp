#include "tests/simt/stream.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <utility>

#include "tests/simt/executor.h"
#include "tests/simt/shared_memory.h"

namespace simt {
namespace {

SimtStream default_stream;
std::vector<std::weak_ptr<Capture>> captures;  // those that may still go on

SimtStream& resolve(cudaStream_t stream) { return stream ? *stream : default_stream; }

/// The most shared memory that each kernel may have, where that was raised.
std::map<const void*, size_t>& allowed_shared_bytes() {
  static std::map<const void*, size_t> allowed;
  return allowed;
}

bool launchable(const Launch& launch) {
  const dim3 &grid = launch.grid, &block = launch.block;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || block.x == 0 || block.y == 0 || block.z == 0) return false;
  if (grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) return false;
  if (block.x > 1024 || block.y > 1024 || block.z > 64 || uint64_t{block.x} * block.y * block.z > 1024) return false;
  const auto raised = allowed_shared_bytes().find(launch.kernel);
  return launch.shared_bytes <= (raised == allowed_shared_bytes().end() ? SharedMemory::kByDefault : raised->second);
}

}  // namespace

cudaError_t enqueue(cudaStream_t handle, Work work) {
  SimtStream& stream = resolve(handle);
  if (!stream.capture) return remember(work());
  if (stream.capture->invalid) return remember(cudaErrorStreamCaptureInvalidated);
  stream.capture->work.push_back(std::move(work));
  return cudaSuccess;
}

cudaError_t refuse_while_capturing() {
  bool refused = false;
  for (const std::weak_ptr<Capture>& weak : captures) {
    const std::shared_ptr<Capture> capture = weak.lock();
    if (!capture || capture->mode == cudaStreamCaptureModeRelaxed) continue;
    capture->invalid = refused = true;
  }
  return refused ? remember(cudaErrorStreamCaptureUnsupported) : cudaSuccess;
}

cudaError_t enqueue_kernel(cudaStream_t stream, const Launch& launch, std::function<void()> thread) {
  if (!launchable(launch)) return remember(cudaErrorInvalidConfiguration);
  return enqueue(stream, [launch, body = std::move(thread)] { return run_kernel(launch, body); });
}

cudaError_t enqueue_host(cudaStream_t stream, std::function<void()> work) {
  return enqueue(stream, [body = std::move(work)] {
    body();
    return cudaSuccess;
  });
}

}  // namespace simt

using simt::enqueue;
using simt::remember;
using simt::resolve;

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || static_cast<size_t>(value) > simt::SharedMemory::kMost) return remember(cudaErrorInvalidValue);
  simt::allowed_shared_bytes()[kernel] = static_cast<size_t>(value);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
  return enqueue(stream, [=] {
    if (bytes > 0) std::memmove(to, from, bytes);
    return cudaSuccess;
  });
}
cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                              size_t height, cudaMemcpyKind, cudaStream_t stream) {
  if (width > to_pitch || width > from_pitch) return remember(cudaErrorInvalidValue);
  return enqueue(stream, [=] {
    for (size_t row = 0; row < height && width > 0; ++row)
      std::memmove(static_cast<char*>(to) + row * to_pitch, static_cast<const char*>(from) + row * from_pitch, width);
    return cudaSuccess;
  });
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  return enqueue(stream, [=] {
    if (bytes > 0) std::memset(to, value, bytes);
    return cudaSuccess;
  });
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t fn, void* data) {
  return simt::enqueue_host(stream, [=] { fn(data); });
}
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  const cudaError_t refused = simt::refuse_while_capturing();
  return refused ? refused : cudaMemcpyAsync(to, from, bytes, kind, nullptr);
}
cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  const cudaError_t refused = simt::refuse_while_capturing();
  return refused ? refused : cudaMemsetAsync(to, value, bytes, nullptr);
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = new SimtStream;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  if (!stream) return remember(cudaErrorInvalidResourceHandle);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  SimtStream& stream = resolve(handle);
  if (!stream.capture) return cudaSuccess;
  stream.capture->invalid = true;
  return remember(cudaErrorStreamCaptureUnsupported);
}
cudaError_t cudaStreamQuery(cudaStream_t stream) { return cudaStreamSynchronize(stream); }
cudaError_t cudaDeviceSynchronize() { return simt::refuse_while_capturing(); }

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  SimtStream& stream = resolve(handle);
  if (stream.capture == event->capture || !event->capture) return cudaSuccess;
  if (event->capture->invalid) return remember(cudaErrorStreamCaptureInvalidated);
  if (stream.capture) return remember(cudaErrorStreamCaptureUnsupported);
  stream.capture = event->capture;
  stream.capture->joined.push_back(&stream);
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  *event = new SimtEvent;
  (*event)->timed = !(flags & cudaEventDisableTiming);
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  if (!event) return remember(cudaErrorInvalidResourceHandle);
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  event->capture = resolve(stream).capture;
  if (event->capture && event->capture->invalid) return remember(cudaErrorStreamCaptureInvalidated);
  event->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  if (!event->capture) return cudaSuccess;
  event->capture->invalid = true;
  return remember(cudaErrorStreamCaptureUnsupported);
}
cudaError_t cudaEventQuery(cudaEvent_t event) { return cudaEventSynchronize(event); }
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  if (!start->timed || !end->timed) return remember(cudaErrorInvalidResourceHandle);
  *milliseconds = static_cast<float>(1e3 * (end->seconds - start->seconds));
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  if (!stream || stream->capture) return remember(cudaErrorStreamCaptureUnsupported);
  stream->capture = std::make_shared<simt::Capture>();
  stream->capture->mode = mode;
  stream->capture->origin = stream;
  std::erase_if(simt::captures, [](const auto& weak) { return weak.expired(); });
  simt::captures.push_back(stream->capture);
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  if (!stream || !stream->capture || stream->capture->origin != stream) return remember(cudaErrorInvalidValue);
  const std::shared_ptr<simt::Capture> capture = std::exchange(stream->capture, nullptr);
  for (SimtStream* joined : capture->joined) joined->capture = nullptr;
  std::erase_if(simt::captures, [&](const auto& weak) { return weak.lock() == capture; });
  if (capture->invalid) return remember(cudaErrorStreamCaptureInvalidated);
  *graph = new SimtGraph{std::move(capture->work)};
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  const SimtStream& stream = resolve(handle);
  *status = !stream.capture           ? cudaStreamCaptureStatusNone
            : stream.capture->invalid ? cudaStreamCaptureStatusInvalidated
                                      : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  if (nodes) return remember(cudaErrorNotSupported);
  *count = graph->work.size();
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  *exec = new SimtGraphExec{graph->work};
  return cudaSuccess;
}
cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return cudaSuccess; }
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  for (const simt::Work& work : exec->work)
    if (const cudaError_t failed = enqueue(stream, work)) return failed;
  return cudaSuccess;
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  delete exec;
  return cudaSuccess;
}
