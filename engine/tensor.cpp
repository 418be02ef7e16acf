#include "engine/tensor.h"

namespace lorica {

Tensor::Tensor(Arena& arena, Shape shape, Dtype dtype) : shape_(shape), dtype_(dtype) {
  const auto size = static_cast<size_t>(bytes());
  memory_ = std::shared_ptr<void>(arena.allocate(size), [&arena, size](void* block) { arena.release(block, size); });
}

Tensor::Tensor(In view, std::shared_ptr<const void> owner) : shape_(view.shape), dtype_(view.dtype) {
  // The const is cast away so that one type serves weights and activations; ops write only where an Out is asked for.
  memory_ = std::shared_ptr<void>(std::const_pointer_cast<void>(owner), const_cast<void*>(view.data));
}

Tensor Tensor::reshaped(Shape shape) const {
  if (shape.elements() != elements()) throw Error("cannot reshape {} to {}", shape_.text(), shape.text());
  Tensor result = *this;
  result.shape_ = shape;
  return result;
}

}  // namespace lorica
