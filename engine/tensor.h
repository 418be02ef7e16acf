#pragma once
#include <memory>
#include <span>
#include <vector>

#include "engine/arena.h"
#include "kernels/tensor_view.h"

namespace lorica {

/// An owning, contiguous, row-major tensor. Copies share the memory; clone-on-write is up to the caller (see
/// Tape::grad_out). The memory goes back to its arena with the last copy.
class Tensor {
 public:
  Tensor() = default;
  /// Uninitialised memory of the arena.
  Tensor(Arena& arena, Shape shape, Dtype dtype);
  /// Memory that somebody else keeps alive (a mapped file, a vector): `owner` is held as long as the tensor lives.
  Tensor(In view, std::shared_ptr<const void> owner);

  explicit operator bool() const { return shape_.rank() > 0; }
  const Shape& shape() const { return shape_; }
  Dtype dtype() const { return dtype_; }
  int64_t elements() const { return shape_.rank() == 0 ? 0 : shape_.elements(); }
  int64_t bytes() const { return elements() * static_cast<int64_t>(size_of(dtype_)); }
  bool shared() const { return memory_.use_count() > 1; }

  In in() const { return *this ? In(memory_.get(), shape_, dtype_) : In(); }
  Out out() const { return *this ? Out(memory_.get(), shape_, dtype_) : Out(); }
  operator In() const { return in(); }    // NOLINT: an op's argument list reads better
  operator Out() const { return out(); }  // NOLINT
  template <class T>
  T* as() const {
    return out().as<T>();
  }
  /// The same memory under another shape of as many elements.
  Tensor reshaped(Shape shape) const;

 private:
  std::shared_ptr<void> memory_;
  Shape shape_;
  Dtype dtype_ = Dtype::f32;
};

/// A new tensor with the values; T is float, bf16, int32_t or int64_t.
template <class T>
Tensor tensor_of(Arena& arena, std::span<const T> values) {
  Tensor result(arena, {static_cast<int64_t>(values.size())}, dtype_of<T>());
  std::copy(values.begin(), values.end(), result.as<T>());
  return result;
}
template <class T>
Tensor tensor_of(Arena& arena, const std::vector<T>& values) {
  return tensor_of(arena, std::span<const T>(values));
}

}  // namespace lorica
