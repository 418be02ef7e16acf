#pragma once
#include <vector>

namespace lorica::reference {

template <class T>
using Vec = std::vector<T>;

/// c [m, n] = op(a) op(b), with a stored [k, m] where ta, b stored [n, k] where tb.
template <class T>
Vec<T> matmul(const Vec<T>& a, const Vec<T>& b, size_t m, size_t n, size_t k, bool ta = false, bool tb = false) {
  Vec<T> c(m * n, T(0));
  for (size_t i = 0; i < m; ++i)
    for (size_t l = 0; l < k; ++l) {
      const T ail = ta ? a[l * m + i] : a[i * k + l];
      for (size_t j = 0; j < n; ++j) c[i * n + j] += ail * (tb ? b[j * k + l] : b[l * n + j]);
    }
  return c;
}

template <class T>
Vec<T> transposed(const Vec<T>& a, size_t rows, size_t cols) {
  Vec<T> t(a.size());
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < cols; ++j) t[j * rows + i] = a[i * cols + j];
  return t;
}

/// y = x W^T + bias + residual;  x [rows, in], w [out, in]; bias and residual may be empty.
template <class T>
Vec<T> linear(const Vec<T>& x, const Vec<T>& w, const Vec<T>& bias, const Vec<T>& residual, size_t rows, size_t in,
              size_t out) {
  Vec<T> y = matmul(x, transposed(w, out, in), rows, out, in);
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < out; ++j) {
      if (!bias.empty()) y[i * out + j] += bias[j];
      if (!residual.empty()) y[i * out + j] += residual[i * out + j];
    }
  return y;
}

/// db [out] = sum over rows of dy [rows, out]
template <class T>
Vec<T> column_sums(const Vec<T>& dy, size_t rows, size_t out) {
  Vec<T> db(out, T(0));
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < out; ++j) db[j] += dy[i * out + j];
  return db;
}

}  // namespace lorica::reference
