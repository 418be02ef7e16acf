#include "engine/tensor.h"

namespace lorica {

Tensor::Tensor(Arena& arena, Shape shape, Dtype dtype) : arena_(&arena), shape_(shape), dtype_(dtype) {
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

Tensor Tensor::part(int64_t begin, Shape shape, Dtype dtype) const {
  Tensor result;
  result.memory_ = std::shared_ptr<void>(memory_, static_cast<std::byte*>(memory_.get()) + begin);
  result.arena_ = arena_;
  result.shape_ = shape;
  result.dtype_ = dtype;
  assert(begin + result.bytes() <= bytes());
  return result;
}

void Tensor::copy(const Tensor& from) const {
  assert(&memory() == &from.memory() && bytes() == from.bytes());
  memory().copy(out().data, from.in().data, static_cast<size_t>(bytes()));
}

Tensor host_copy(const Tensor& tensor) {
  if (tensor.on_host()) return tensor;
  auto values = std::make_shared<std::vector<std::byte>>(static_cast<size_t>(tensor.bytes()));
  tensor.copy_out(values->data());
  return Tensor(In(values->data(), tensor.shape(), tensor.dtype()), values);
}

}  // namespace lorica
