#pragma once
#include <cstdint>

#include "kernels/philox.h"
#include "tests/reference/linear.h"

namespace lorica::reference {

/// 1 / (1 - p) where element i is kept, 0 where it is dropped.
inline Vec<double> dropout_mask(size_t n, double p, uint64_t seed, uint64_t stream) {
  Vec<double> mask(n, 1);
  if (p == 0) return mask;
  for (size_t i = 0; i < n; ++i) {
    const double word = philox(seed, stream, i / 4)[i % 4];
    mask[i] = word >= p * 0x1p32 ? 1 / (1 - p) : 0;
  }
  return mask;
}

template <class T>
Vec<T> times(const Vec<T>& a, const Vec<double>& mask) {
  Vec<T> product(a.size());
  for (size_t i = 0; i < a.size(); ++i) product[i] = a[i] * mask[i];
  return product;
}

/// u = scale (mask x) A^T;  x [rows, in], a [rank, in]
template <class T>
Vec<T> lora_u(const Vec<T>& x, const Vec<T>& a, const Vec<double>& mask, double scale, size_t rows, size_t in,
              size_t rank) {
  Vec<T> u = matmul(times(x, mask), transposed(a, rank, in), rows, rank, in);
  for (T& value : u) value *= scale;
  return u;
}

/// y = x W^T + bias + residual + u B^T;  b [out, rank]
template <class T>
Vec<T> lora_linear(const Vec<T>& x, const Vec<T>& w, const Vec<T>& bias, const Vec<T>& residual, const Vec<T>& u,
                   const Vec<T>& b, size_t rows, size_t in, size_t out, size_t rank) {
  Vec<T> y = linear(x, w, bias, residual, rows, in, out);
  const Vec<T> low = matmul(u, transposed(b, out, rank), rows, out, rank);
  for (size_t i = 0; i < y.size(); ++i) y[i] += low[i];
  return y;
}

/// v = scale dy B
template <class T>
Vec<T> lora_v(const Vec<T>& dy, const Vec<T>& b, double scale, size_t rows, size_t out, size_t rank) {
  Vec<T> v = matmul(dy, b, rows, rank, out);
  for (T& value : v) value *= scale;
  return v;
}

/// mask (v A), the adapter's part of dx
template <class T>
Vec<T> lora_dx_term(const Vec<T>& v, const Vec<T>& a, const Vec<double>& mask, size_t rows, size_t in, size_t rank) {
  return times(matmul(v, a, rows, in, rank), mask);
}

}  // namespace lorica::reference
