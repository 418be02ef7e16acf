#pragma once
#include "kernels/context.h"

namespace lorica {

/// How a weight lies in memory: [out, in] as torch.nn.Linear has it, or [in, out] as GPT-2's Conv1D has it.
enum class WeightLayout : uint8_t { kOutIn, kInOut };

enum class PackFor : uint8_t { kForward, kBackward };

/// A frozen weight rearranged once into the layout that the CPU's GEMM likes best, for one direction. It holds its own
/// copy (where the plain layout is as fast, it holds only a pointer to the plain weight, which must outlive it).
class PackedWeight {
 public:
  virtual ~PackedWeight() = default;
  /// Bytes of the copy; 0 where it is a pointer to the plain weight.
  virtual size_t bytes() const = 0;
  int64_t out_features = 0, in_features = 0;
  Dtype dtype = Dtype::f32;
  PackFor direction = PackFor::kForward;
};
std::unique_ptr<PackedWeight> pack_weight(CpuBackend&, const In& w, WeightLayout, PackFor);

/// A weight as an op takes it: packed for this direction, or plain (w given, packed null).
struct WeightIn {
  In w = {};
  const PackedWeight* packed = nullptr;
  WeightLayout layout = WeightLayout::kOutIn;
  int64_t out_features() const {
    return packed ? packed->out_features : w.shape[layout == WeightLayout::kOutIn ? 0 : 1];
  }
  int64_t in_features() const { return packed ? packed->in_features : w.shape[layout == WeightLayout::kOutIn ? 1 : 0]; }
  Dtype dtype() const { return packed ? packed->dtype : w.dtype; }
};

/// y = x W^T + bias (+ residual)
/// Shapes    x [T, in], y [T, out], residual like y (may be y itself: y is then added to) or empty;  W [out, in];
///           bias [out] f32 or x's dtype, or empty.
/// Numerics  W of x's dtype; f32 accumulation, rounded once to y's dtype: that of x, or f32 where there is no residual.
struct LinearFwd {
  In x;
  WeightIn w;
  In bias = {}, residual = {};
  Out y;
  void check() const;
  Cost cost() const;
};

/// dx = dy W
/// Shapes    dy [T, out];  dx [T, in];  the weight packed for PackFor::kBackward, or plain.
struct LinearBwd {
  In dy;
  WeightIn w;
  GradOut dx = {};
  void check() const;
  Cost cost() const;
};

/// Gradients of a trained weight:  dW = dy^T x  (its transpose for kInOut),  db = sum over rows of dy
/// Shapes    dy [T, out];  x [T, in];  dw f32 in the weight's layout;  db [out] f32.
/// Numerics  f32 accumulation in a fixed order.
struct LinearWeightGrad {
  In dy, x = {};
  GradOut dw = {}, db = {};
  WeightLayout layout = WeightLayout::kOutIn;
  void check() const;
  Cost cost() const;
};

void run(CpuBackend&, const LinearFwd&);
void run(CudaBackend&, const LinearFwd&);
void run(CpuBackend&, const LinearBwd&);
void run(CudaBackend&, const LinearBwd&);
void run(CpuBackend&, const LinearWeightGrad&);
void run(CudaBackend&, const LinearWeightGrad&);

}  // namespace lorica
