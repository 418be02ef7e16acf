#include "kernels/cuda/fault.h"

#include "kernels/cuda/backend.h"

namespace lorica {
namespace {

const char* name_of(FaultPlace place) {
  switch (place) {
    case FaultPlace::kGatherRows:
      return "GatherRows: rows";
    case FaultPlace::kEmbeddingFwd:
      return "EmbeddingFwd: ids";
    case FaultPlace::kEmbeddingBwd:
      return "EmbeddingBwd: ids";
    case FaultPlace::kRope:
      return "Rope: positions";
    case FaultPlace::kRopeBwd:
      return "RopeBwd: positions";
    case FaultPlace::kHeadLossRows:
      return "HeadLoss: rows";
    case FaultPlace::kHeadLossTargets:
      return "HeadLoss: targets";
    default:
      return "";
  }
}

[[noreturn]] void throw_fault(const DeviceFault& fault) {
  switch (fault.place) {
    case FaultPlace::kCacheAppend:
      throw Error("CacheAppend: sequence {}: length {} does not fit capacity {} or its new tokens", fault.index,
                  fault.value, fault.limit);
    case FaultPlace::kHeadLossOrder:
      throw Error("HeadLoss: rows[{}]: expected more than {}, got {}", fault.index, fault.limit, fault.value);
    case FaultPlace::kSample:
      throw RunError("generation: the logits are not finite");
    default:
      throw Error("{}[{}]: expected an index from 0 to {}, got {}", name_of(fault.place), fault.index, fault.limit - 1,
                  fault.value);
  }
}

}  // namespace

FaultWord::FaultWord(cudaStream_t stream) : stream_(stream) {
  void* word = nullptr;
  check_cuda(cudaMalloc(&word, sizeof(DeviceFault)), "fault word");
  device_ = static_cast<DeviceFault*>(word);
  check_cuda(cudaMemsetAsync(device_, 0, sizeof(DeviceFault), stream_), "fault word");
}

FaultWord::~FaultWord() { cudaFree(device_); }

void FaultWord::wait_and_check() {
  DeviceFault fault{};
  check_cuda(cudaMemcpyAsync(&fault, device_, sizeof(fault), cudaMemcpyDeviceToHost, stream_), "copy");
  check_cuda(cudaStreamSynchronize(stream_), "copy");
  if (fault.place == FaultPlace::kNone) return;
  check_cuda(cudaMemsetAsync(device_, 0, sizeof(fault), stream_), "fault word");
  throw_fault(fault);
}

}  // namespace lorica
