#pragma once
#include <string>

#include "kernels/cuda/attention_library.h"

namespace lorica {

/// Why cuDNN does not take a problem on a card that need not be there, empty where it does: for tests on machines
/// without a GPU. `card` is cuDNN's own description in JSON, `architecture` 80, 90, ... The driver's library must be
/// loaded, or a stand-in. Throws Error where cuDNN is not found.
std::string refusal_of_cudnn(const PackedAttention&, const std::string& card, int architecture);

}  // namespace lorica
