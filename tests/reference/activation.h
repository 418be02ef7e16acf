#pragma once
#include <cmath>
#include <complex>
#include <numbers>
#include <vector>

#include "kernels/ops/activation.h"

namespace lorica::reference {

inline double erf_of(double x) { return std::erf(x); }
/// Maclaurin series, good to 1e-9 for |z| < 4: std::erf knows no complex numbers.
inline std::complex<double> erf_of(std::complex<double> z) {
  std::complex<double> power = z, sum = z;
  for (int n = 1; n < 120; ++n) {
    power *= -z * z / static_cast<double>(n);
    sum += power / static_cast<double>(2 * n + 1);
  }
  return sum * (2 / std::sqrt(std::numbers::pi));
}

template <class T>
T activate(Activation activation, const T& x) {
  using std::exp;
  using std::tanh;
  switch (activation) {
    case Activation::kSilu:
      return x / (1.0 + exp(-x));
    case Activation::kGeluTanh:
      return 0.5 * x * (1.0 + tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case Activation::kGeluErf:
      return 0.5 * x * (1.0 + erf_of(x / std::sqrt(2.0)));
  }
  return x;
}

/// The derivative by its formula.
inline double activation_slope(Activation activation, double x) {
  const double root = std::sqrt(2 / std::numbers::pi);
  switch (activation) {
    case Activation::kSilu: {
      const double s = 1 / (1 + std::exp(-x));
      return s * (1 + x * (1 - s));
    }
    case Activation::kGeluTanh: {
      const double t = std::tanh(root * (x + 0.044715 * x * x * x));
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root * (1 + 3 * 0.044715 * x * x);
    }
    case Activation::kGeluErf:
      return 0.5 * std::erfc(-x / std::sqrt(2.0)) + x * std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
  }
  return 0;
}

template <class T>
std::vector<T> glu(Activation activation, const std::vector<T>& gate, const std::vector<T>& up) {
  std::vector<T> y(gate.size());
  for (size_t i = 0; i < y.size(); ++i) y[i] = activate(activation, gate[i]) * up[i];
  return y;
}

}  // namespace lorica::reference
