#include "kernels/context.h"

namespace lorica {

Context::Context(Device where) : device(where), cuda(where == Device::kCuda ? open_cuda() : nullptr) {}

}  // namespace lorica
