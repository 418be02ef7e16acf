#pragma once
#include "kernels/context.h"

namespace lorica {

/// y = cap tanh(x / cap): bounds logits (Gemma 2).  x, y of one shape, f32; y may be x.
struct SoftCap {
  In x;
  Out y;
  float cap = 1;
  void check() const;
  Cost cost() const;
};

void run(CpuBackend&, const SoftCap&);
void run(CudaBackend&, const SoftCap&);

}  // namespace lorica
