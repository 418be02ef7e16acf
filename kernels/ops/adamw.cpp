#include "kernels/ops/adamw.h"

#include <cmath>

#include "kernels/ops/cost.h"

namespace lorica {

namespace {

void expect_norm(const char* op, const In& norm) {
  expect_shape(op, "norm", norm, {1});
  expect_dtype(op, "norm", norm, Dtype::f64);
}

}  // namespace

void AdamW::check() const {
  expect_shape("AdamW", "step_values", step_values, {3});
  expect_dtype("AdamW", "step_values", step_values, Dtype::f32);
  if (norm) expect_norm("AdamW", norm);
  if (!(beta1 >= 0 && beta1 < 1)) throw Error("AdamW: beta1: expected a value from 0 to below 1, got {}", beta1);
  if (!(beta2 >= 0 && beta2 < 1)) throw Error("AdamW: beta2: expected a value from 0 to below 1, got {}", beta2);
  if (!(eps >= 0)) throw Error("AdamW: eps: expected 0 or more, got {}", eps);
  if (!(max_grad_norm >= 0)) throw Error("AdamW: max_grad_norm: expected 0 or more, got {}", max_grad_norm);
  expect_that("AdamW", norm || max_grad_norm == 0, "norm: needed to clip");
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

std::array<float, 3> adamw_step_values(double learning_rate, float beta1, float beta2, int64_t step) {
  const auto t = static_cast<double>(step);
  return {static_cast<float>(learning_rate), static_cast<float>(1 - std::pow(double{beta1}, t)),
          static_cast<float>(1 - std::pow(double{beta2}, t))};
}

void GlobalNorm::check() const {
  expect_norm("GlobalNorm", norm);
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
