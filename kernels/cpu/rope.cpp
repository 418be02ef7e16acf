#include "kernels/ops/rope.h"

#include "kernels/cpu/rows.h"

namespace lorica {
namespace {

struct Rotation {
  In x, cos, sin, positions;
  bool inverse;
};

/// x and y may be the same: a pair is read whole before it is written.
template <class T, bool kAdding>
void rotate_head(const T* x, const float* cos, const float* sin, float sign, T* y, int64_t r, int64_t d) {
#pragma omp simd
  for (int64_t i = 0; i < r; ++i) {
    const float a = cpu::load(x + i), b = cpu::load(x + i + r);
    const float c = cos[i], s = sin[i] * sign;
    cpu::put<kAdding>(y + i, a * c - b * s);
    cpu::put<kAdding>(y + i + r, b * c + a * s);
  }
  if (!kAdding && x == y) return;
#pragma omp simd
  for (int64_t i = 2 * r; i < d; ++i) cpu::put<kAdding>(y + i, cpu::load(x + i));
}

template <class T, bool kAdding>
void rotate(const Rotation& op, T* y) {
  const int64_t tokens = op.x.shape[0], heads = op.x.shape[1], d = op.x.shape[2], r = op.cos.shape[1];
  const T* const x = op.x.as<T>();
  const float* const cos = op.cos.as<float>();
  const float* const sin = op.sin.as<float>();
  const int32_t* const positions = op.positions.as<int32_t>();
  const float sign = op.inverse ? -1.0f : 1.0f;
  cpu::parallel_for(tokens, cpu::rows_per_piece(heads * d), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int64_t row = positions[t] * r;
      for (int64_t h = 0; h < heads; ++h) {
        const int64_t at = (t * heads + h) * d;
        rotate_head<T, kAdding>(x + at, cos + row, sin + row, sign, y + at, r, d);
      }
    }
  });
}

}  // namespace

void run(CpuBackend&, const Rope& op) {
  cpu::expect_indices("Rope", "positions", op.positions, op.cos.shape[0]);
  visit_float(op.x.dtype, [&]<class T> {
    rotate<T, false>({op.x, op.cos, op.sin, op.positions, op.inverse}, op.y.as<T>());
  });
}

void run(CpuBackend&, const RopeBwd& op) {
  cpu::expect_indices("RopeBwd", "positions", op.positions, op.cos.shape[0]);
  visit_float(op.dy.dtype, [&]<class T> {
    cpu::visit_grad(op.dx.mode, [&]<bool kAdding> {
      rotate<T, kAdding>({op.dy, op.cos, op.sin, op.positions, true}, op.dx.tensor.template as<T>());
    });
  });
}

}  // namespace lorica
