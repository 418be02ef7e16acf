#pragma once
#include <string>

#include "engine/tensor.h"

namespace lorica {

/// Any floating dtype of a file as f32 or bf16, each value rounded once. Throws Error beginning with `what` for a
/// tensor that is not floating-point. Both views lie in host memory and have the same number of elements.
void convert_floats(const In& from, const Out& to, const std::string& what);
/// The same into a tensor of any device.
void load_floats(const In& from, const Tensor& to, const std::string& what);

}  // namespace lorica
