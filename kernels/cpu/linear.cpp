#include "kernels/ops/linear.h"

#include <cstring>

#include "kernels/cpu/parallel.h"
#include "kernels/cpu/simd_math.h"
#include "kernels/cpu/weight.h"

namespace lorica {
namespace cpu {

MatrixIn weight_matrix(const In& w, WeightLayout layout, PackFor direction) {
  return {w.data, w.dtype, w.shape[1], (layout == WeightLayout::kOutIn) == (direction == PackFor::kForward)};
}

void set_weight(Gemm& g, const WeightIn& w, PackFor direction) {
  if (!w.packed) {
    g.b = weight_matrix(w.w, w.layout, direction);
    return;
  }
  const auto& packed = static_cast<const CpuPackedWeight&>(*w.packed);
  g.b = packed.plain;
  g.packed_b = packed.matrix.get();
}

namespace {

/// f32: a layer's GEMM runs 0 to 8 % slower on the plain weight, less than the memory of a copy is worth; the head's
/// GEMMs see few rows at a time, which rearranging the weight in each call costs 8 to 17 %. bf16 is always rearranged
/// in pairs. Measured in bench/results/onednn_shapes.md.
bool worth_a_copy(Dtype dtype, int64_t k, int64_t n) {
  constexpr int64_t kHeadFeatures = 16384;
  return dtype == Dtype::bf16 || std::max(k, n) >= kHeadFeatures;
}

constexpr int64_t kSumRows = 256, kSumColumns = 64;

/// db[c] (=, +=) sum over rows of dy: blocks of rows summed in f32, the blocks in double, in order.
template <class T>
void sum_rows(const T* dy, int64_t rows, int64_t cols, float* db, bool add) {
  parallel_for(cols, kSumColumns, [&](int64_t begin, int64_t end) {
    double total[kSumColumns] = {};
    for (int64_t first = 0; first < rows; first += kSumRows) {
      float block[kSumColumns] = {};
      for (int64_t r = first; r < std::min(rows, first + kSumRows); ++r)
#pragma omp simd
        for (int64_t c = begin; c < end; ++c) block[c - begin] += load(dy + r * cols + c);
      for (int64_t c = 0; c < end - begin; ++c) total[c] += static_cast<double>(block[c]);
    }
    for (int64_t c = begin; c < end; ++c)
      db[c] = static_cast<float>(total[c - begin] + (add ? static_cast<double>(db[c]) : 0.0));
  });
}

}  // namespace
}  // namespace cpu

std::unique_ptr<PackedWeight> pack_weight(CpuBackend& backend, const In& w, WeightLayout layout, PackFor direction) {
  expect_rank("pack_weight", "w", w, 2);
  expect_float("pack_weight", "w", w);
  auto packed = std::make_unique<cpu::CpuPackedWeight>();
  packed->out_features = w.shape[layout == WeightLayout::kOutIn ? 0 : 1];
  packed->in_features = w.shape[layout == WeightLayout::kOutIn ? 1 : 0];
  packed->dtype = w.dtype;
  packed->direction = direction;
  packed->plain = cpu::weight_matrix(w, layout, direction);
  const bool forward = direction == PackFor::kForward;
  const int64_t k = forward ? packed->in_features : packed->out_features;
  const int64_t n = forward ? packed->out_features : packed->in_features;
  if (cpu::worth_a_copy(w.dtype, k, n)) packed->matrix = cpu::pack_matrix(backend, k, n, packed->plain);
  return packed;
}

void run(CpuBackend& backend, const LinearFwd& op) {
  cpu::Gemm g{.m = op.x.shape[0],
              .n = op.w.out_features(),
              .k = op.w.in_features(),
              .a = cpu::whole(op.x),
              .bias = op.bias,
              .c = op.y.data,
              .c_dtype = op.y.dtype,
              .ldc = op.w.out_features()};
  cpu::set_weight(g, op.w, PackFor::kForward);
  if (op.residual && op.residual.data == op.y.data)
    g.accumulate = true;
  else if (op.residual)
    g.addend = cpu::whole(op.residual);
  cpu::gemm(backend, g);
}

void run(CpuBackend& backend, const LinearBwd& op) {
  if (!op.dx) return;
  cpu::Gemm g{.m = op.dy.shape[0],
              .n = op.w.in_features(),
              .k = op.w.out_features(),
              .a = cpu::whole(op.dy),
              .c = op.dx.tensor.data,
              .c_dtype = op.dx.tensor.dtype,
              .ldc = op.w.in_features(),
              .accumulate = op.dx.mode == GradMode::kAdd};
  cpu::set_weight(g, op.w, PackFor::kBackward);
  cpu::gemm(backend, g);
}

void run(CpuBackend& backend, const LinearWeightGrad& op) {
  const int64_t rows = op.dy.shape[0], out = op.dy.shape[1];
  if (op.dw) {
    const bool out_in = op.layout == WeightLayout::kOutIn;
    const Out& dw = op.dw.tensor;
    const bool add = op.dw.mode == GradMode::kAdd;
    if (rows == 0) {
      if (!add) std::memset(dw.data, 0, static_cast<size_t>(dw.bytes()));
    } else {
      cpu::gemm(backend, {.m = dw.shape[0],
                          .n = dw.shape[1],
                          .k = rows,
                          .a = cpu::transpose(cpu::whole(out_in ? op.dy : op.x)),
                          .b = cpu::whole(out_in ? op.x : op.dy),
                          .c = dw.data,
                          .c_dtype = Dtype::f32,
                          .ldc = dw.shape[1],
                          .accumulate = add});
    }
  }
  if (op.db)
    visit_float(op.dy.dtype, [&]<class T>() {
      cpu::sum_rows(op.dy.as<T>(), rows, out, op.db.tensor.as<float>(), op.db.mode == GradMode::kAdd);
    });
}

}  // namespace lorica
