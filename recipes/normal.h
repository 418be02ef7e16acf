#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

#include "kernels/philox.h"

namespace lorica {

/// Four normal values by Box and Muller from the four words of one counter.
inline std::array<float, 4> normals(uint64_t seed, uint64_t stream, uint64_t index) {
  const std::array<uint32_t, 4> words = philox(seed, stream, index);
  std::array<float, 4> values{};
  for (size_t i = 0; i < 4; i += 2) {
    const float open = (static_cast<float>(words[i]) + 1.0f) * 0x1p-32f;  // in (0, 1]
    const float radius = std::sqrt(-2.0f * std::log(open));
    const float angle = 2.0f * std::numbers::pi_v<float> * 0x1p-32f * static_cast<float>(words[i + 1]);
    values[i] = radius * std::cos(angle);
    values[i + 1] = radius * std::sin(angle);
  }
  return values;
}

/// Elements [begin, begin + count) of a tensor of normal values; each is a function of seed, stream and place.
template <class T>
void fill_normal(uint64_t seed, uint64_t stream, float spread, int64_t begin, int64_t count, T* to) {
  const int64_t end = begin + count;
#pragma omp parallel for schedule(static)
  for (int64_t group = begin / 4; group < (end + 3) / 4; ++group) {
    const std::array<float, 4> values = normals(seed, stream, static_cast<uint64_t>(group));
    for (int64_t i = std::max(begin, 4 * group); i < std::min(end, 4 * group + 4); ++i)
      to[i - begin] = T(spread * values[static_cast<size_t>(i % 4)]);
  }
}

}  // namespace lorica
