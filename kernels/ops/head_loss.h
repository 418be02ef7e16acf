#pragma once
#include "kernels/ops/linear.h"

namespace lorica {

/// Output head and cross-entropy in one, on labelled rows only. For row i, h = hidden[rows[i]]:
///     z = cap(W h)     loss_i = log sum_v exp(z_v) - z_target     loss = sum_i loss_i
/// and, where gradients are wanted, of loss * loss_scale:
///     dz = loss_scale (softmax(z) - onehot(target)) cap'     dhidden[rows[i]] = W^T dz     dW = sum_i dz h^T
/// The logits exist for a chunk of rows at a time; f32 dz overwrites them.
/// Shapes    hidden [T, D];  W [V, D] (weight for the logits, weight_bwd for dhidden: the two packings, or both plain);
///           rows [n] i32, strictly rising;  targets [n] i32 in [0, V);  losses [n] f32 (loss_i, not scaled);
///           the last rows and their targets may be -1: padding, with loss 0 and no gradient;
///           dhidden [T, D] (kWrite zeroes the rows without a label);  dw [V, D] f32.
/// Numerics  softmax and loss f32, sums in a fixed order. cap as in AttentionFwd, 0 for none.
/// Reference Hsu et al. 2024 (Liger) for doing backward in the forward pass.
struct HeadLoss {
  In hidden;
  WeightIn weight, weight_bwd = {};
  In rows, targets;
  Out losses;
  GradOut dhidden = {}, dw = {};
  In loss_scale = {};  ///< f32 [1]; empty: 1
  float softcap = 0;
  void check() const;
  Cost cost() const;
};

void run(CpuBackend&, const HeadLoss&);
void run(CudaBackend&, const HeadLoss&);

}  // namespace lorica
