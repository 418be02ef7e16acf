#include "kernels/ops/adamw.h"

#include "kernels/ops/cost.h"

namespace lorica {

void AdamW::check() const {
  if (step < 1) throw Error("AdamW: step: expected at least 1, got {}", step);
  if (!(beta1 >= 0 && beta1 < 1)) throw Error("AdamW: beta1: expected a value from 0 to below 1, got {}", beta1);
  if (!(beta2 >= 0 && beta2 < 1)) throw Error("AdamW: beta2: expected a value from 0 to below 1, got {}", beta2);
  if (!(eps >= 0)) throw Error("AdamW: eps: expected 0 or more, got {}", eps);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const AdamWTensor& t = tensors[i];
    if (t.elements < 0) throw Error("AdamW: tensors[{}]: expected 0 or more elements, got {}", i, t.elements);
    if (t.elements > 0 && !(t.value && t.grad && t.m && t.v))
      throw Error("AdamW: tensors[{}]: value, grad, m and v must all be given", i);
  }
}

Cost AdamW::cost() const {
  double n = 0;
  for (const AdamWTensor& t : tensors) n += static_cast<double>(t.elements);
  // read value, gradient, m and v; write value, m and v
  return {.bytes = 7 * sizeof(float) * n, .flops = 16 * n};
}

void GlobalNorm::check() const {
  if (!norm) throw Error("GlobalNorm: norm: must be given");
  for (size_t i = 0; i < grads.size(); ++i)
    if (grads[i].dtype != Dtype::f32)
      throw Error("GlobalNorm: grads[{}]: expected f32, got {}", i, name_of(grads[i].dtype));
}

Cost GlobalNorm::cost() const {
  double bytes = 0;
  for (const In& grad : grads) bytes += moved_bytes(grad);
  return {.bytes = bytes, .flops = bytes / 2};
}

}  // namespace lorica
