#pragma once
#include "kernels/cpu/gemm.h"
#include "kernels/ops/linear.h"

// How the ops around a weight hand it to the GEMM.
namespace lorica::cpu {

class CpuPackedWeight : public PackedWeight {
 public:
  size_t bytes() const override { return matrix ? packed_bytes(*matrix) : 0; }
  std::shared_ptr<const PackedMatrix> matrix;  // null: `plain` is used
  MatrixIn plain;
};

/// The weight as second factor: [in, out] of the forward product x W^T, [out, in] of the backward product dy W.
MatrixIn weight_matrix(const In& w, WeightLayout layout, PackFor direction);
/// Sets g.b or g.packed_b.
void set_weight(Gemm& g, const WeightIn& w, PackFor direction);

/// A whole row-major view [rows, cols].
inline MatrixIn whole(const In& view) { return {view.data, view.dtype, view.shape[1], false}; }
inline MatrixIn transpose(MatrixIn m) {
  m.transposed = !m.transposed;
  return m;
}

}  // namespace lorica::cpu
