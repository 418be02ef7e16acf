#include "kernels/ops/head_loss.h"

#include "kernels/ops/linear_check.h"

namespace lorica {

void HeadLoss::check() const {
  constexpr const char* kOp = "HeadLoss";
  expect_rank(kOp, "hidden", hidden, 2);
  expect_float(kOp, "hidden", hidden);
  expect_weight(kOp, "weight", weight, PackFor::kForward, hidden.dtype);
  const int64_t vocabulary = weight.out_features(), width = weight.in_features();
  expect_shape(kOp, "hidden", hidden, {hidden.shape[0], width});
  expect_rank(kOp, "rows", rows, 1);
  expect_dtype(kOp, "rows", rows, Dtype::i32);
  expect_like(kOp, "targets", targets, rows.shape, Dtype::i32);
  expect_like(kOp, "losses", losses, rows.shape, Dtype::f32);
  if (dhidden) {
    expect_grad(kOp, "dhidden", dhidden, hidden.shape, hidden.dtype);
    expect_weight(kOp, "weight_bwd", weight_bwd, PackFor::kBackward, hidden.dtype);
    if (weight_bwd.out_features() != vocabulary || weight_bwd.in_features() != width)
      throw Error("{}: weight_bwd: expected {} outputs and {} inputs, got {} and {}", kOp, vocabulary, width,
                  weight_bwd.out_features(), weight_bwd.in_features());
  }
  const bool out_in = weight.layout == WeightLayout::kOutIn;
  expect_grad(kOp, "dw", dw, out_in ? Shape{vocabulary, width} : Shape{width, vocabulary}, Dtype::f32);
  if (loss_scale) expect_like(kOp, "loss_scale", loss_scale, {1}, Dtype::f32);
  if (!(softcap >= 0)) throw Error("{}: softcap: expected 0 or more, got {}", kOp, softcap);
}

Cost HeadLoss::cost() const {
  const int64_t n = rows.elements();
  const int64_t vocabulary = weight.out_features(), width = weight.in_features();
  const double products = 1.0 + (dhidden ? 1.0 : 0.0) + (dw ? 1.0 : 0.0);
  Cost cost;
  cost.flops = products * product_flops(n, vocabulary, width);
  cost.bytes = weight_bytes(weight) * (dhidden ? 2 : 1) +
               static_cast<double>(n * width) * static_cast<double>(size_of(hidden.dtype)) + read_write_bytes(dhidden) +
               read_write_bytes(dw) + static_cast<double>(rows.bytes() + targets.bytes() + losses.bytes());
  return cost;
}

}  // namespace lorica
