#pragma once
#include <cstdint>
#include <vector>

namespace lorica::reference {

/// y[t] = table[ids[t]] * scale, rows of d values.
template <class T>
std::vector<T> embedding(const std::vector<T>& table, const std::vector<int32_t>& ids, size_t d, double scale) {
  std::vector<T> y(ids.size() * d);
  for (size_t t = 0; t < ids.size(); ++t)
    for (size_t j = 0; j < d; ++j) y[t * d + j] = table[static_cast<size_t>(ids[t]) * d + j] * scale;
  return y;
}

/// dtable[v] = scale * sum of dy[t] over the t with ids[t] = v.
inline std::vector<double> embedding_grad(const std::vector<double>& dy, const std::vector<int32_t>& ids, size_t rows,
                                          size_t d, double scale) {
  std::vector<double> dtable(rows * d);
  for (size_t t = 0; t < ids.size(); ++t)
    for (size_t j = 0; j < d; ++j) dtable[static_cast<size_t>(ids[t]) * d + j] += dy[t * d + j] * scale;
  return dtable;
}

}  // namespace lorica::reference
