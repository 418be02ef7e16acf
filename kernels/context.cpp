#include "kernels/context.h"

#include "kernels/cpu/features.h"

namespace lorica {

Context::Context(Device where) : device(where), cuda(where == Device::kCuda ? open_cuda() : nullptr) {}

std::string describe(Context& context) {
  return context.device == Device::kCuda ? describe(*context.cuda) : "device: cpu: " + cpu_description() + "\n";
}

}  // namespace lorica
