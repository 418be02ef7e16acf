#include "kernels/graph.h"

namespace lorica {

std::unique_ptr<StepGraph> capture(Context& context, const std::function<void()>& work) {
  return context.device == Device::kCuda ? capture(*context.cuda, work) : nullptr;
}

}  // namespace lorica
