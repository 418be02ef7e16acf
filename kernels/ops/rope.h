#pragma once
#include "kernels/context.h"

namespace lorica {

/// Rotary position embedding on the first 2 R of d components of each head, "rotate half" pairing (i, i + R):
///     y_i     = x_i cos - x_{i+R} sin
///     y_{i+R} = x_{i+R} cos + x_i sin          cos, sin at row positions[t], column i
/// The remaining d - 2R components are copied. With `inverse` the angle is negated: that is the backward pass, since a
/// rotation's transpose is its inverse (a table scaled by the yarn factor stays scaled in both directions, as it must).
/// Shapes    x, y [T, H, d] (y may be x);  cos, sin [P, R] f32;  positions [T] i32 in [0, P).
/// Numerics  f32, rounded once.
/// Reference Su et al. 2021, in the layout of GPT-NeoX and Hugging Face's Llama.
struct Rope {
  In x, cos, sin, positions;
  Out y;
  bool inverse = false;
  void check() const;
  Cost cost() const;
};

/// dx of Rope, added to or written over: the same rotation by the negated angle.
struct RopeBwd {
  In dy, cos, sin, positions;
  GradOut dx;
  void check() const;
  Cost cost() const;
};

void run(CpuBackend&, const Rope&);
void run(CudaBackend&, const Rope&);
void run(CpuBackend&, const RopeBwd&);
void run(CudaBackend&, const RopeBwd&);

}  // namespace lorica
