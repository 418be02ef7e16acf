#include "kernels/ops/lora_linear.h"

#include <cstring>

#include "kernels/cpu/convert.h"
#include "kernels/cpu/dropout.h"
#include "kernels/cpu/weight.h"

// 1 / (1 - p) of the dropout goes into u and v, in f32: what is masked then keeps its bits.
namespace lorica {
namespace cpu {
namespace {

/// The adapter in the compute dtype: f32 as it is, bf16 rounded into scratch.
struct Adapter {
  MatrixIn a, b;  // [r, in], [out, r]
};
Adapter compute_adapter(CpuBackend& backend, const In& a, const In& b, Dtype dtype) {
  if (dtype == Dtype::f32) return {whole(a), whole(b)};
  const int64_t b_at = (a.elements() + 31) / 32 * 32;
  bf16* const rounded = backend.scratch<bf16>(CpuBackend::kScratch1, b_at + b.elements());
  convert_rows(a.as<float>(), a.shape[1], rounded, a.shape[1], a.shape[0], a.shape[1]);
  convert_rows(b.as<float>(), b.shape[1], rounded + b_at, b.shape[1], b.shape[0], b.shape[1]);
  return {{rounded, dtype, a.shape[1]}, {rounded + b_at, dtype, b.shape[1]}};
}

/// x without the elements that dropout takes, in scratch (x itself where nothing is dropped).
MatrixIn dropped(CpuBackend& backend, const Dropout& dropout, const In& x) {
  if (dropout.p == 0) return whole(x);
  void* const kept = backend.scratch(CpuBackend::kScratch0, static_cast<size_t>(x.bytes()));
  mask_elements(dropout, x.data, kept, x.dtype, x.elements());
  return {kept, x.dtype, x.shape[1]};
}

float full_scale(float scale, const Dropout& dropout) {
  return static_cast<float>(static_cast<double>(scale) / (1.0 - static_cast<double>(dropout.p)));
}

/// The rank-r term as an f32 addend of the big product, [rows, n] in scratch, plus `extra` where given: so that a bf16
/// result is rounded once.
MatrixIn low_rank_term(CpuBackend& backend, int64_t rows, int64_t n, int64_t rank, const MatrixIn& left,
                       const MatrixIn& right, const MatrixIn& extra) {
  float* const term = backend.scratch<float>(CpuBackend::kScratch3, rows * n);
  gemm(backend, {.m = rows, .n = n, .k = rank, .a = left, .b = right, .addend = extra, .c = term, .ldc = n});
  return {term, Dtype::f32, n};
}

/// dA and dB:  grad [m, n] f32 (=, +=) left^T right,  both with `rows` rows.
void weight_grad(CpuBackend& backend, const GradOut& grad, int64_t rows, const MatrixIn& left, const MatrixIn& right) {
  if (!grad) return;
  const Out& t = grad.tensor;
  const bool add = grad.mode == GradMode::kAdd;
  if (rows == 0) {
    if (!add) std::memset(t.data, 0, static_cast<size_t>(t.bytes()));
    return;
  }
  gemm(backend, {.m = t.shape[0],
                 .n = t.shape[1],
                 .k = rows,
                 .a = transpose(left),
                 .b = right,
                 .c = t.data,
                 .ldc = t.shape[1],
                 .accumulate = add});
}

/// dx (=, +=) dy W + mask(v A)
void input_grad(CpuBackend& backend, const LoraLinearBwd& op, const MatrixIn& v, const MatrixIn& a) {
  const int64_t rows = op.dy.shape[0], in = op.w.in_features(), rank = op.a.shape[0];
  const bool add = op.dx.mode == GradMode::kAdd, f32 = op.dy.dtype == Dtype::f32;
  Gemm base{.m = rows,
            .n = in,
            .k = op.w.out_features(),
            .a = whole(op.dy),
            .c = op.dx.tensor.data,
            .c_dtype = op.dy.dtype,
            .ldc = in,
            .accumulate = add};
  set_weight(base, op.w, PackFor::kBackward);
  if (f32 && op.dropout.p == 0) {
    gemm(backend, base);
    gemm(backend,
         {.m = rows, .n = in, .k = rank, .a = v, .b = a, .c = op.dx.tensor.data, .ldc = in, .accumulate = true});
    return;
  }
  base.addend = low_rank_term(backend, rows, in, rank, v, a, {});
  if (op.dropout.p > 0) {
    void* const term = const_cast<void*>(base.addend.data);
    mask_elements(op.dropout, term, term, Dtype::f32, rows * in);
  }
  gemm(backend, base);
}

}  // namespace
}  // namespace cpu

void run(CpuBackend& backend, const LoraLinearFwd& op) {
  const int64_t rows = op.x.shape[0], in = op.w.in_features(), out = op.w.out_features(), rank = op.a.shape[0];
  if (rows == 0) return;
  const Dtype dtype = op.x.dtype;
  const cpu::Adapter adapter = cpu::compute_adapter(backend, op.a, op.b, dtype);
  void* const u_data =
      op.u ? op.u.data : backend.scratch(CpuBackend::kScratch2, static_cast<size_t>(rows * rank) * size_of(dtype));
  cpu::gemm(backend, {.m = rows,
                      .n = rank,
                      .k = in,
                      .a = cpu::dropped(backend, op.dropout, op.x),
                      .b = cpu::transpose(adapter.a),
                      .alpha = cpu::full_scale(op.scale, op.dropout),
                      .c = u_data,
                      .c_dtype = dtype,
                      .ldc = rank});
  const cpu::MatrixIn u{u_data, dtype, rank};

  cpu::Gemm base{.m = rows,
                 .n = out,
                 .k = in,
                 .a = cpu::whole(op.x),
                 .bias = op.bias,
                 .c = op.y.data,
                 .c_dtype = dtype,
                 .ldc = out};
  cpu::set_weight(base, op.w, PackFor::kForward);
  const cpu::MatrixIn residual = op.residual ? cpu::whole(op.residual) : cpu::MatrixIn{};
  if (dtype == Dtype::f32) {
    const bool in_place = op.residual && op.residual.data == op.y.data;
    base.accumulate = in_place;
    if (!in_place) base.addend = residual;
    cpu::gemm(backend, base);
    cpu::gemm(backend, {.m = rows,
                        .n = out,
                        .k = rank,
                        .a = u,
                        .b = cpu::transpose(adapter.b),
                        .c = op.y.data,
                        .ldc = out,
                        .accumulate = true});
  } else {
    base.addend = cpu::low_rank_term(backend, rows, out, rank, u, cpu::transpose(adapter.b), residual);
    cpu::gemm(backend, base);
  }
}

void run(CpuBackend& backend, const LoraLinearBwd& op) {
  const int64_t rows = op.dy.shape[0], rank = op.a.shape[0];
  const Dtype dtype = op.dy.dtype;
  if (rows > 0 && (op.dx || op.da)) {
    const cpu::Adapter adapter = cpu::compute_adapter(backend, op.a, op.b, dtype);
    void* const v_data = backend.scratch(CpuBackend::kScratch2, static_cast<size_t>(rows * rank) * size_of(dtype));
    cpu::gemm(backend, {.m = rows,
                        .n = rank,
                        .k = op.w.out_features(),
                        .a = cpu::whole(op.dy),
                        .b = adapter.b,
                        .alpha = cpu::full_scale(op.scale, op.dropout),
                        .c = v_data,
                        .c_dtype = dtype,
                        .ldc = rank});
    const cpu::MatrixIn v{v_data, dtype, rank};
    if (op.da) cpu::weight_grad(backend, op.da, rows, v, cpu::dropped(backend, op.dropout, op.x));
    if (op.dx) cpu::input_grad(backend, op, v, adapter.a);
  } else if (rows == 0) {
    cpu::weight_grad(backend, op.da, rows, {}, {});
  }
  if (op.db) cpu::weight_grad(backend, op.db, rows, cpu::whole(op.dy), rows > 0 ? cpu::whole(op.u) : cpu::MatrixIn{});
}

}  // namespace lorica
