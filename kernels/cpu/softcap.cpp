#include "kernels/ops/softcap.h"

#include <cmath>

#include "kernels/cpu/rows.h"

namespace lorica {

void run(CpuBackend&, const SoftCap& op) {
  const float* const x = op.x.as<float>();
  float* const y = op.y.as<float>();
  cpu::parallel_for(op.y.elements(), cpu::kPieceElements, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = op.cap * std::tanh(x[i] / op.cap);
  });
}

}  // namespace lorica
