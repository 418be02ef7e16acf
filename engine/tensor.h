#pragma once
#include <algorithm>
#include <cassert>
#include <memory>
#include <span>
#include <vector>

#include "engine/arena.h"
#include "kernels/tensor_view.h"

namespace lorica {

/// An owning, contiguous, row-major tensor in the memory of a device. Copies share the memory; clone-on-write is up to
/// the caller (see Tape::grad_out). The memory goes back to its arena with the last copy.
class Tensor {
 public:
  Tensor() = default;
  /// Uninitialised memory of the arena.
  Tensor(Arena& arena, Shape shape, Dtype dtype);
  /// Host memory that somebody else keeps alive (a mapped file, a vector): `owner` is held as long as the tensor lives.
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
  /// The same memory under another shape of as many elements.
  Tensor reshaped(Shape shape) const;
  /// A part of the same memory, from a byte on.
  Tensor part(int64_t begin, Shape shape, Dtype dtype) const;

  /// Where it was made; null for memory of somebody else.
  Arena* arena() const { return arena_; }
  DeviceMemory& memory() const { return arena_ ? arena_->memory() : host_memory(); }
  bool on_host() const { return &memory() == &host_memory(); }
  /// The values, where they lie in host memory.
  template <class T>
  T* as() const {
    assert(on_host());
    return out().as<T>();
  }
  /// Copies bytes() bytes from and to host memory, in the order of the device's work.
  void copy_in(const void* from) const { memory().copy_in(out().data, from, static_cast<size_t>(bytes())); }
  void copy_out(void* to) const { memory().copy_out(to, in().data, static_cast<size_t>(bytes())); }
  /// Copies as many bytes of a tensor of the same device.
  void copy(const Tensor& from) const;
  void clear() const { memory().clear(out().data, static_cast<size_t>(bytes())); }

 private:
  std::shared_ptr<void> memory_;
  Arena* arena_ = nullptr;
  Shape shape_;
  Dtype dtype_ = Dtype::f32;
};

/// A new tensor with the values; T is float, bf16, int32_t or int64_t.
template <class T>
Tensor tensor_of(Arena& arena, std::span<const T> values) {
  Tensor result(arena, {static_cast<int64_t>(values.size())}, dtype_of<T>());
  result.copy_in(values.data());
  return result;
}
template <class T>
Tensor tensor_of(Arena& arena, const std::vector<T>& values) {
  return tensor_of(arena, std::span<const T>(values));
}

/// The values of a tensor, wherever it lies; T is that of its dtype.
template <class T>
std::vector<T> to_host(const Tensor& tensor) {
  assert(tensor.dtype() == dtype_of<T>());
  std::vector<T> values(static_cast<size_t>(tensor.elements()));
  tensor.copy_out(values.data());
  return values;
}

/// The tensor itself where it lies in host memory, else a copy there.
Tensor host_copy(const Tensor& tensor);

}  // namespace lorica
