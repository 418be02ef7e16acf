#pragma once
#include <complex>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/tensor_view.h"
#include "tests/support/device_under_test.h"

namespace lorica::test {

/// A tensor that a test owns, f32 or bf16 (or f64, i32, i64), with its values in double beside it: the values are those
/// after rounding to the dtype, so that a reference run on them measures the op's own error only.
class HostTensor {
 public:
  HostTensor(Shape shape, Dtype dtype)
      : shape_(shape), dtype_(dtype), memory_(static_cast<size_t>(shape.elements()) * size_of(dtype)) {
    // 0xff bytes are NaN in f32 and bf16: an element that the op forgets to write is seen
    if (memory_.size() > 0) std::memset(memory_.data(), 0xff, memory_.size());
  }
  HostTensor(Shape shape, Dtype dtype, const std::vector<double>& values) : HostTensor(shape, dtype) {
    for (size_t i = 0; i < values.size(); ++i) set(i, values[i]);
  }

  /// Normal values with the given spread, the same for the same seed.
  static HostTensor random(Shape shape, Dtype dtype, uint64_t seed, double spread = 1, double mean = 0) {
    std::mt19937_64 generator(seed);
    std::normal_distribution<double> normal(mean, spread);
    HostTensor t(shape, dtype);
    for (size_t i = 0; i < static_cast<size_t>(shape.elements()); ++i) t.set(i, normal(generator));
    return t;
  }
  static HostTensor ints(const std::vector<int32_t>& values) {
    HostTensor t({static_cast<int64_t>(values.size())}, Dtype::i32);
    std::memcpy(t.data(), values.data(), values.size() * sizeof(int32_t));
    return t;
  }
  /// One i64.
  static HostTensor int64(int64_t value) {
    HostTensor t({1}, Dtype::i64);
    std::memcpy(t.data(), &value, sizeof value);
    return t;
  }

  /// A copy that begins `elements` after the start of its memory, so that its address is a multiple of nothing more.
  HostTensor shifted(int64_t elements) const {
    HostTensor t(*this);
    t.offset_ = static_cast<size_t>(elements) * size_of(dtype_);
    t.memory_ = TestBytes(bytes() + t.offset_);
    if (bytes() > 0) std::memcpy(t.data(), data(), bytes());
    return t;
  }

  In in() const { return {data(), shape_, dtype_}; }
  Out out() { return {data(), shape_, dtype_}; }
  GradOut grad(GradMode mode) { return {out(), mode}; }
  const Shape& shape() const { return shape_; }

  std::vector<double> values() const {
    std::vector<double> result(static_cast<size_t>(shape_.elements()));
    for (size_t i = 0; i < result.size(); ++i) result[i] = get(i);
    return result;
  }
  double get(size_t i) const {
    if (dtype_ == Dtype::f64) return reinterpret_cast<const double*>(data())[i];
    if (dtype_ == Dtype::f32) return reinterpret_cast<const float*>(data())[i];
    if (dtype_ == Dtype::bf16) return static_cast<float>(reinterpret_cast<const bf16*>(data())[i]);
    return reinterpret_cast<const int32_t*>(data())[i];
  }
  void set(size_t i, double value) {
    if (dtype_ == Dtype::f64)
      reinterpret_cast<double*>(data())[i] = value;
    else if (dtype_ == Dtype::f32)
      reinterpret_cast<float*>(data())[i] = static_cast<float>(value);
    else if (dtype_ == Dtype::bf16)
      reinterpret_cast<bf16*>(data())[i] = bf16(static_cast<float>(value));
    else
      reinterpret_cast<int32_t*>(data())[i] = static_cast<int32_t>(value);
  }

 private:
  unsigned char* data() const { return memory_.data() + offset_; }
  size_t bytes() const { return static_cast<size_t>(shape_.elements()) * size_of(dtype_); }

  Shape shape_;
  Dtype dtype_;
  size_t offset_ = 0;
  TestBytes memory_;
};

/// The gradient of  L = sum_k dy_k f_k(x)  by the complex step: f is the reference as a template, run in
/// std::complex<double>;  dL/dx_i = Im(L(x + i h e_i)) / h  has no cancellation, so h can be tiny.
template <class F>
std::vector<double> complex_step(const std::vector<double>& x, const std::vector<double>& dy, F&& f) {
  constexpr double h = 1e-30;
  std::vector<std::complex<double>> z(x.begin(), x.end());
  std::vector<double> grad(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    z[i] = {x[i], h};
    const std::vector<std::complex<double>> y = f(z);
    double sum = 0;
    for (size_t k = 0; k < y.size(); ++k) sum += dy[k] * y[k].imag();
    grad[i] = sum / h;
    z[i] = x[i];
  }
  return grad;
}

}  // namespace lorica::test
