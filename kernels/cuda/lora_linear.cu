#include "kernels/ops/lora_linear.h"

#include "kernels/cuda/gemm.h"
#include "kernels/cuda/shapes.h"
#include "kernels/cuda/thin_product.h"

// The low-rank term is written first and the base product added to it by the GEMM, which then reads it once: the term
// is the smaller of the two, and its rounding to bf16 with it. 1 / (1 - p) of the dropout goes into u and v, in f32.
namespace lorica {
namespace {

DropoutMask mask_of(const Dropout& dropout, int64_t width) {
  return {.threshold = keep_threshold(dropout.p),
          .seed = dropout.seed,
          .module = dropout.module,
          .stream = dropout.stream ? dropout.stream.as<int64_t>() : nullptr,
          .width = width};
}

float full_scale(float scale, const Dropout& dropout) {
  return static_cast<float>(static_cast<double>(scale) / (1.0 - static_cast<double>(dropout.p)));
}

/// u or v: what the caller keeps, or scratch.
Out thin_room(CudaBackend& cuda, const Out& kept, int64_t rows, int64_t rank, Dtype dtype) {
  if (kept) return kept;
  const auto bytes = static_cast<size_t>(rows * rank) * size_of(dtype);
  return {cuda.scratch(CudaBackend::kScratch0, bytes), {rows, rank}, dtype};
}

}  // namespace

void run(CudaBackend& cuda, const LoraLinearFwd& op) {
  const int64_t rows = op.x.shape[0], in = op.w.in_features(), out = op.w.out_features();
  if (rows == 0) return;
  const Out u = thin_room(cuda, op.u, rows, op.a.shape[0], op.x.dtype);
  thin_product(cuda, op.x, op.a, FactorLayout::kRankFirst, mask_of(op.dropout, in), full_scale(op.scale, op.dropout),
               u);
  low_rank_update(cuda, u, op.b, FactorLayout::kRankLast, {}, op.residual, op.y);
  gemm(cuda, {.a = matrix(op.x),
              .b = matrix(op.w.w, op.w.layout == WeightLayout::kOutIn),
              .d = op.y.data,
              .d_dtype = op.y.dtype,
              .d_stride = out,
              .m = rows,
              .n = out,
              .k = in,
              .addend = op.y.data,
              .bias = op.bias});
}

void run(CudaBackend& cuda, const LoraLinearBwd& op) {
  const int64_t rows = op.dy.shape[0], in = op.w.in_features(), out = op.w.out_features();
  if (rows == 0) {
    clear_if_written(cuda, op.da);
    clear_if_written(cuda, op.db);
    return;
  }
  const DropoutMask mask = mask_of(op.dropout, in);
  if (op.db) thin_gradient(cuda, op.u, op.dy, {}, true, op.db);
  if (!op.dx && !op.da) return;
  const Out v = thin_room(cuda, {}, rows, op.a.shape[0], op.dy.dtype);
  thin_product(cuda, op.dy, op.b, FactorLayout::kRankLast, {}, full_scale(op.scale, op.dropout), v);
  if (op.da) thin_gradient(cuda, v, op.x, mask, false, op.da);
  if (!op.dx) return;
  const Out& dx = op.dx.tensor;
  low_rank_update(cuda, v, op.a, FactorLayout::kRankFirst, mask, op.dx.mode == GradMode::kAdd ? In(dx) : In{}, dx);
  gemm(cuda, {.a = matrix(op.dy),
              .b = matrix(op.w.w, op.w.layout == WeightLayout::kInOut),
              .d = dx.data,
              .d_dtype = dx.dtype,
              .d_stride = in,
              .m = rows,
              .n = in,
              .k = out,
              .addend = dx.data});
}

}  // namespace lorica
