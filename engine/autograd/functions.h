#pragma once
#include "engine/autograd/tape.h"
#include "kernels/ops/activation.h"
#include "kernels/ops/lora_linear.h"

// The differentiable functions, one .cpp each beside this header. Shapes are those of the op headers in kernels/ops.
namespace lorica {

/// A linear layer's frozen or trained weight as the functions take it.
struct LinearWeight {
  Var w;                                  ///< plain; a trained one is f32 and is rounded to x's dtype for the product
  const PackedWeight* forward = nullptr;  ///< set where the weight is frozen and packed
  const PackedWeight* backward = nullptr;
  WeightLayout layout = WeightLayout::kOutIn;
  int64_t out_features = 0, in_features = 0;
};

/// The two factors of an adapter on one linear layer.
struct LoraFactors {
  Var a, b;
  float scale = 1;
  float dropout = 0;
  uint64_t module = 0;  ///< numbers the layer: its dropout masks differ from those of the others
};

Var embedding(Tape&, const Var& table, const Tensor& ids, Dtype dtype, float scale = 1);
Var rms_norm(Tape&, const Var& x, const Var& w, float eps, float weight_offset = 0);
Var layer_norm(Tape&, const Var& x, const Var& w, const Var& b, float eps);
/// x [T, H, d]
Var rope(Tape&, const Var& x, const Tensor& cos, const Tensor& sin, const Tensor& positions);

struct AttentionOptions {
  float scale = 1;
  int window = 0;
  float softcap = 0;
  int64_t longest = 0;  ///< no document has more tokens; 0: not known
};
/// q [T, H, d]; k, v [T, Hkv, d]
Var attention(Tape&, const Var& q, const Var& k, const Var& v, const Tensor& cu_seqlens, const AttentionOptions&);

/// y = x W^T + bias + residual; bias and residual may be empty.
Var linear(Tape&, const Var& x, const LinearWeight&, const Var& bias = {}, const Var& residual = {});
/// The same with an adapter; the base weight and the bias are frozen.
Var lora_linear(Tape&, const Var& x, const LinearWeight&, const LoraFactors&, const Var& bias = {},
                const Var& residual = {});

Var glu(Tape&, const Var& gate, const Var& up, Activation);
Var activation(Tape&, const Var& x, Activation);
Var add(Tape&, const Var& a, const Var& b);
/// factor * x
Var scale(Tape&, const Var& x, float factor);
/// Columns [begin, begin + count) of x [T, N].
Var columns(Tape&, const Var& x, int64_t begin, int64_t count);
/// The same memory under another shape.
Var reshape(Tape&, const Var& x, Shape shape);

/// Loss of the labelled rows, not scaled: losses [n] f32. Its gradient (of sum(losses) * loss_scale) is found in the
/// forward pass; `loss` is what backward() starts from. loss_scale is f32 [1]; empty: 1.
struct HeadLossResult {
  Tensor losses;
  Var loss;
};
HeadLossResult head_loss(Tape&, const Var& hidden, const LinearWeight&, const Tensor& rows, const Tensor& targets,
                         const Tensor& loss_scale, float softcap = 0);

}  // namespace lorica
