#pragma once
#include <cmath>
#include <complex>
#include <cstdint>

#include "tests/reference/linear.h"

namespace lorica::reference {

/// losses [n] of the rows of h [n, width] against w [vocabulary, width]; softcap 0 for none. The largest real part is
/// taken out of the exponentials, which changes no digit of the derivative.
template <class T>
Vec<T> head_losses(const Vec<T>& h, const Vec<T>& w, const std::vector<int32_t>& targets, double softcap, size_t width,
                   size_t vocabulary) {
  using std::exp, std::log, std::tanh, std::real;
  const size_t n = targets.size();
  Vec<T> z = matmul(h, transposed(w, vocabulary, width), n, vocabulary, width);
  Vec<T> losses(n);
  for (size_t i = 0; i < n; ++i) {
    T* const row = z.data() + i * vocabulary;
    double largest = -HUGE_VAL;
    for (size_t v = 0; v < vocabulary; ++v) {
      if (softcap > 0) row[v] = softcap * tanh(row[v] / softcap);
      largest = std::max(largest, real(row[v]));
    }
    T sum = T(0);
    for (size_t v = 0; v < vocabulary; ++v) sum += exp(row[v] - largest);
    losses[i] = log(sum) + largest - row[static_cast<size_t>(targets[i])];
  }
  return losses;
}

/// dz [n, vocabulary] of the sum of the losses times loss_scale; by the capped logits where `capped`.
inline Vec<double> head_dz(const Vec<double>& h, const Vec<double>& w, const std::vector<int32_t>& targets,
                           double softcap, double loss_scale, size_t width, size_t vocabulary, bool capped = false) {
  const size_t n = targets.size();
  Vec<double> z = matmul(h, transposed(w, vocabulary, width), n, vocabulary, width);
  for (size_t i = 0; i < n; ++i) {
    double* const row = z.data() + i * vocabulary;
    double largest = -HUGE_VAL, sum = 0;
    for (size_t v = 0; v < vocabulary; ++v) {
      if (softcap > 0) row[v] = softcap * std::tanh(row[v] / softcap);
      largest = std::max(largest, row[v]);
    }
    for (size_t v = 0; v < vocabulary; ++v) sum += std::exp(row[v] - largest);
    for (size_t v = 0; v < vocabulary; ++v) {
      const double slope = softcap > 0 && !capped ? 1 - (row[v] / softcap) * (row[v] / softcap) : 1;
      const double onehot = v == static_cast<size_t>(targets[i]) ? 1 : 0;
      row[v] = loss_scale * (std::exp(row[v] - largest) / sum - onehot) * slope;
    }
  }
  return z;
}

}  // namespace lorica::reference
