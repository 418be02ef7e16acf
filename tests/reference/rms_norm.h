#pragma once
#include <cmath>
#include <complex>
#include <vector>

namespace lorica::reference {

/// y = x / sqrt(mean(x^2) + eps) * (w + offset), rows of w.size() values.
template <class T>
std::vector<T> rms_norm(const std::vector<T>& x, const std::vector<T>& w, double eps, double offset) {
  using std::sqrt;
  const size_t d = w.size();
  std::vector<T> y(x.size());
  for (size_t at = 0; at < x.size(); at += d) {
    T squares = 0;
    for (size_t j = 0; j < d; ++j) squares += x[at + j] * x[at + j];
    const T rstd = 1.0 / sqrt(squares / static_cast<double>(d) + eps);
    for (size_t j = 0; j < d; ++j) y[at + j] = x[at + j] * rstd * (w[j] + offset);
  }
  return y;
}

struct NormGrad {
  std::vector<double> rstd, dx, dw, db;
  std::vector<double> dx_terms, dw_terms, db_terms;  // sums of the absolute terms, which scale the rounding errors
};

inline NormGrad rms_norm_grad(const std::vector<double>& dy, const std::vector<double>& x, const std::vector<double>& w,
                              double eps, double offset) {
  const size_t d = w.size(), rows = x.size() / d;
  NormGrad r{std::vector<double>(rows),
             std::vector<double>(x.size()),
             std::vector<double>(d),
             {},
             std::vector<double>(x.size()),
             std::vector<double>(d),
             {}};
  for (size_t i = 0; i < rows; ++i) {
    double squares = 0, dot = 0, dot_terms = 0;
    for (size_t j = 0; j < d; ++j) {
      const double gx = dy[i * d + j] * (w[j] + offset) * x[i * d + j];
      squares += x[i * d + j] * x[i * d + j];
      dot += gx;
      dot_terms += std::abs(gx);
    }
    const double rstd = r.rstd[i] = 1 / std::sqrt(squares / static_cast<double>(d) + eps);
    const double cube = rstd * rstd * rstd / static_cast<double>(d);
    for (size_t j = 0; j < d; ++j) {
      const size_t k = i * d + j;
      r.dx[k] = rstd * dy[k] * (w[j] + offset) - x[k] * cube * dot;
      r.dx_terms[k] = std::abs(rstd * dy[k] * (w[j] + offset)) + std::abs(x[k] * cube * dot_terms);
      r.dw[j] += dy[k] * x[k] * rstd;
      r.dw_terms[j] += std::abs(dy[k] * x[k] * rstd);
    }
  }
  return r;
}

}  // namespace lorica::reference
