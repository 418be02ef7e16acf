#pragma once
#include "kernels/tensor_view.h"

namespace lorica {

/// Bytes that a gradient moves: none if skipped, one write, or a read and a write where it is added to.
inline double moved_bytes(const GradOut& grad) {
  if (grad.mode == GradMode::kSkip) return 0;
  return static_cast<double>(grad.tensor.bytes()) * (grad.mode == GradMode::kAdd ? 2 : 1);
}
template <class Pointer>
double moved_bytes(const View<Pointer>& view) {
  return static_cast<double>(view.bytes());
}
/// Bytes of all given views and gradients, each moved once; an empty view counts nothing.
template <class First, class Second, class... Rest>
double moved_bytes(const First& first, const Second& second, const Rest&... rest) {
  return moved_bytes(first) + (moved_bytes(second) + ... + moved_bytes(rest));
}

}  // namespace lorica
