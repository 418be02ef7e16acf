#include <algorithm>

#include "bench/event_timer.h"
#include "kernels/cuda/backend.h"

namespace lorica::bench {
namespace {

class Event {
 public:
  Event() { check_cuda(cudaEventCreate(&event_), "event"); }
  ~Event() { cudaEventDestroy(event_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  void record(cudaStream_t stream) { check_cuda(cudaEventRecord(event_, stream), "event"); }
  double seconds_since(const Event& begin) const {
    float milliseconds = 0;
    check_cuda(cudaEventElapsedTime(&milliseconds, begin.event_, event_), "event");
    return static_cast<double>(milliseconds) * 1e-3;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

/// Clears a large block over and over: about `milliseconds` of work at 3 TB/s.
void keep_busy(Context& context, void* block, size_t bytes, double milliseconds) {
  const double each = static_cast<double>(bytes) / 3e9;
  for (double spent = 0; spent < milliseconds; spent += each) context.memory().clear(block, bytes);
}

}  // namespace

std::vector<double> event_times(Context& context, size_t calls, const std::function<void(size_t)>& work) {
  constexpr size_t kBlock = size_t{256} << 20, kQueued = 64;
  const cudaStream_t stream = context.cuda->stream();
  const std::shared_ptr<void> block(context.memory().allocate(kBlock),
                                    [&](void* data) { context.memory().release(data); });
  if (!block) throw RunError("out of GPU memory: {} bytes to keep the GPU busy", kBlock);
  std::vector<double> times;
  for (size_t first = 0; first < calls; first += kQueued) {
    const size_t count = std::min(kQueued, calls - first);
    std::vector<Event> begins(count), ends(count);
    keep_busy(context, block.get(), kBlock, 2 + 0.03 * static_cast<double>(count));
    for (size_t i = 0; i < count; ++i) {
      begins[i].record(stream);
      work(first + i);
      ends[i].record(stream);
    }
    check_cuda(cudaStreamSynchronize(stream), "timing");
    for (size_t i = 0; i < count; ++i) times.push_back(ends[i].seconds_since(begins[i]));
  }
  return times;
}

}  // namespace lorica::bench
