#pragma once
#include <array>
#include <cassert>
#include <cstdint>
#include <initializer_list>
#include <source_location>
#include <string>
#include <type_traits>

#include "kernels/dtype.h"
#include "kernels/error.h"

namespace lorica {

/// Sizes of a tensor, outermost first, at most four.
class Shape {
 public:
  static constexpr int kMaxRank = 4;
  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes) {
    assert(sizes.size() <= kMaxRank);
    for (int64_t size : sizes) sizes_[static_cast<size_t>(rank_++)] = size;
  }

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return sizes_[static_cast<size_t>(i < 0 ? i + rank_ : i)]; }
  int64_t& operator[](int i) { return sizes_[static_cast<size_t>(i < 0 ? i + rank_ : i)]; }
  int64_t elements() const {
    int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= (*this)[i];
    return n;
  }
  bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int i = 0; i < rank_; ++i)
      if ((*this)[i] != other[i]) return false;
    return true;
  }
  /// "[3, 4]"
  std::string text() const;

 private:
  std::array<int64_t, kMaxRank> sizes_{};
  int rank_ = 0;
};

/// A raw, contiguous, row-major view that owns nothing. An empty view (no data, no shape) stands for "not given".
template <class Pointer>
struct View {
  Pointer data = nullptr;
  Shape shape;
  Dtype dtype = Dtype::f32;

  View() = default;
  View(Pointer p, Shape s, Dtype t) : data(p), shape(s), dtype(t) {}
  /// An Out can be read as an In.
  template <class Other>
  requires(std::is_const_v<std::remove_pointer_t<Pointer>> && !std::is_same_v<Other, Pointer>)
      View(const View<Other>& other)  // NOLINT: meant to convert
      : data(other.data), shape(other.shape), dtype(other.dtype) {}

  explicit operator bool() const { return shape.rank() > 0; }
  int64_t elements() const { return shape.rank() == 0 ? 0 : shape.elements(); }
  int64_t bytes() const { return elements() * static_cast<int64_t>(size_of(dtype)); }
  /// Typed pointer; the caller has checked the dtype.
  template <class T>
  auto as() const {
    using Element = std::conditional_t<std::is_const_v<std::remove_pointer_t<Pointer>>, const T, T>;
    assert(dtype == dtype_of<T>());
    return static_cast<Element*>(data);
  }
};
using In = View<const void*>;
using Out = View<void*>;

/// What a backward op does with a gradient: nothing (a frozen input), overwrite (the first writer), or add (later
/// ones).
enum class GradMode : uint8_t { kSkip, kWrite, kAdd };
struct GradOut {
  Out tensor;
  GradMode mode = GradMode::kSkip;
  explicit operator bool() const { return mode != GradMode::kSkip; }
};

/// What an op must move and compute at the least; benchmarks divide by it.
struct Cost {
  double bytes = 0, flops = 0;
};

/// throws Error "expected f32 or bf16, got <dtype>"
[[noreturn]] void refuse_dtype(Dtype dtype);

/// Calls fn.template operator()<float>() or <bf16>(): the one place where a compute dtype becomes a template argument.
template <class Fn>
decltype(auto) visit_float(Dtype dtype, Fn&& fn) {
  if (dtype == Dtype::f32) return fn.template operator()<float>();
  if (dtype == Dtype::bf16) return fn.template operator()<bf16>();
  refuse_dtype(dtype);
}

/// Used by the check() of ops; throws Error "RmsNormFwd: w: expected bf16 [576], got f32 [64]".
void expect_shape(const char* op, const char* argument, const In& view, const Shape& expected);
void expect_dtype(const char* op, const char* argument, const In& view, Dtype expected);
/// f32 or bf16.
void expect_float(const char* op, const char* argument, const In& view);
void expect_rank(const char* op, const char* argument, const In& view, int rank);
/// Shape, where the gradient is wanted at all, and dtype.
void expect_grad(const char* op, const char* argument, const GradOut& grad, const Shape& expected, Dtype dtype);
/// throws "op: what" unless the condition holds
void expect_that(const char* op, bool condition, const char* what);

}  // namespace lorica
