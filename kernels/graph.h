#pragma once
#include <functional>
#include <memory>

#include "kernels/context.h"

namespace lorica {

/// Ops, copies and clears recorded once and run again by one call, with the same addresses and shapes.
class StepGraph {
 public:
  virtual ~StepGraph() = default;
  /// Runs everything that was recorded, in the order of the device's other work.
  virtual void replay() = 0;
};

/// The CUDA backend's part of capture().
std::unique_ptr<StepGraph> capture(CudaBackend& cuda, const std::function<void()>& work);

/// Records what `work` launches on the context's device, without running it: call replay() for that. nullptr, with
/// `work` not called, where the device has no such thing (the CPU). `work` may launch ops, copy within the device and
/// clear; run it once before, so that every scratch buffer has its size and every product its algorithm. Reading
/// results, copying from the host, allocating, and scratch that must grow throw RunError. The tensors that it touches
/// must outlive the graph.
inline std::unique_ptr<StepGraph> capture(Context& context, const std::function<void()>& work) {
  return context.device == Device::kCuda ? capture(*context.cuda, work) : nullptr;
}

}  // namespace lorica
