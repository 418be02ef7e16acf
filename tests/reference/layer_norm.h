#pragma once
#include "tests/reference/rms_norm.h"

namespace lorica::reference {

/// y = (x - mean) / sqrt(var + eps) * w + b, rows of w.size() values; an empty b counts as 0.
template <class T>
std::vector<T> layer_norm(const std::vector<T>& x, const std::vector<T>& w, const std::vector<T>& b, double eps) {
  using std::sqrt;
  const size_t d = w.size();
  const double n = static_cast<double>(d);
  std::vector<T> y(x.size());
  for (size_t at = 0; at < x.size(); at += d) {
    T sum = 0, squares = 0;
    for (size_t j = 0; j < d; ++j) sum += x[at + j];
    const T mean = sum / n;
    for (size_t j = 0; j < d; ++j) squares += (x[at + j] - mean) * (x[at + j] - mean);
    const T rstd = 1.0 / sqrt(squares / n + eps);
    for (size_t j = 0; j < d; ++j) y[at + j] = (x[at + j] - mean) * rstd * w[j] + (b.empty() ? T(0) : b[j]);
  }
  return y;
}

struct LayerNormGrad : NormGrad {
  std::vector<double> mean;
};

inline LayerNormGrad layer_norm_grad(const std::vector<double>& dy, const std::vector<double>& x,
                                     const std::vector<double>& w, double eps) {
  const size_t d = w.size(), rows = x.size() / d;
  const double n = static_cast<double>(d);
  LayerNormGrad r;
  r.rstd.resize(rows), r.mean.resize(rows);
  r.dx.resize(x.size()), r.dx_terms.resize(x.size());
  r.dw.resize(d), r.dw_terms.resize(d), r.db.resize(d), r.db_terms.resize(d);
  for (size_t i = 0; i < rows; ++i) {
    double sum = 0, squares = 0, g_sum = 0, gn_sum = 0, g_terms = 0, gn_terms = 0;
    for (size_t j = 0; j < d; ++j) sum += x[i * d + j];
    const double mean = r.mean[i] = sum / n;
    for (size_t j = 0; j < d; ++j) squares += (x[i * d + j] - mean) * (x[i * d + j] - mean);
    const double rstd = r.rstd[i] = 1 / std::sqrt(squares / n + eps);
    for (size_t j = 0; j < d; ++j) {
      const double g = dy[i * d + j] * w[j], normal = (x[i * d + j] - mean) * rstd;
      g_sum += g, gn_sum += g * normal;
      g_terms += std::abs(g), gn_terms += std::abs(g * normal);
    }
    for (size_t j = 0; j < d; ++j) {
      const size_t k = i * d + j;
      const double g = dy[k] * w[j], normal = (x[k] - mean) * rstd;
      // x and mean are terms of their difference
      const double normal_terms = (std::abs(x[k]) + std::abs(mean)) * rstd;
      r.dx[k] = rstd * (g - g_sum / n - normal * gn_sum / n);
      r.dx_terms[k] = rstd * (std::abs(g) + g_terms / n + normal_terms * gn_terms / n);
      r.dw[j] += dy[k] * normal, r.dw_terms[j] += std::abs(dy[k]) * normal_terms;
      r.db[j] += dy[k], r.db_terms[j] += std::abs(dy[k]);
    }
  }
  return r;
}

}  // namespace lorica::reference
