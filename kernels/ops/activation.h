#pragma once
#include "kernels/context.h"

namespace lorica {

enum class Activation : uint8_t { kSilu, kGeluTanh, kGeluErf };

/// Gated activation, forward:  y = act(gate) * up      (SwiGLU: kSilu, GeGLU: kGeluTanh)
/// Shapes    gate, up, y [T, D].   Numerics  f32, rounded once.
/// Reference Shazeer 2020.
struct GluFwd {
  In gate, up;
  Out y;
  Activation activation = Activation::kSilu;
  void check() const;
  Cost cost() const;
};

/// Gated activation, backward:  dgate = dy up act'(gate)      dup = dy act(gate)
struct GluBwd {
  In dy, gate, up;
  GradOut dgate, dup;
  Activation activation = Activation::kSilu;
  void check() const;
  Cost cost() const;
};

/// Plain activation, forward:  y = act(x), shapes [T, D] (GPT-2's MLP: kGeluTanh)
struct ActivationFwd {
  In x;
  Out y;
  Activation activation = Activation::kGeluTanh;
  void check() const;
  Cost cost() const;
};

/// dx = dy act'(x)
struct ActivationBwd {
  In dy, x;
  GradOut dx;
  Activation activation = Activation::kGeluTanh;
  void check() const;
  Cost cost() const;
};

void run(CpuBackend&, const GluFwd&);
void run(CudaBackend&, const GluFwd&);
void run(CpuBackend&, const GluBwd&);
void run(CudaBackend&, const GluBwd&);
void run(CpuBackend&, const ActivationFwd&);
void run(CudaBackend&, const ActivationFwd&);
void run(CpuBackend&, const ActivationBwd&);
void run(CudaBackend&, const ActivationBwd&);

}  // namespace lorica
