#pragma once
#include <cstdint>
#include <vector>

namespace lorica::reference {

struct RopeShape {
  size_t tokens, heads, d, r;
};

/// Rotates components (i, i + r) of every head by the angle of its token's row in the tables, which may be scaled.
template <class T>
std::vector<T> rope(const std::vector<T>& x, const std::vector<double>& cos, const std::vector<double>& sin,
                    const std::vector<int32_t>& positions, const RopeShape& s) {
  std::vector<T> y = x;
  for (size_t t = 0; t < s.tokens; ++t)
    for (size_t h = 0; h < s.heads; ++h)
      for (size_t i = 0; i < s.r; ++i) {
        const size_t at = (t * s.heads + h) * s.d + i;
        const size_t row = static_cast<size_t>(positions[t]) * s.r + i;
        y[at] = x[at] * cos[row] - x[at + s.r] * sin[row];
        y[at + s.r] = x[at + s.r] * cos[row] + x[at] * sin[row];
      }
  return y;
}

}  // namespace lorica::reference
