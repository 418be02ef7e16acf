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

/// Room for x without the elements that dropout takes; x itself where nothing is dropped.
void* dropped_room(CpuBackend& backend, const Dropout& dropout, const In& x) {
  if (dropout.p == 0) return const_cast<void*>(x.data);
  return backend.scratch(CpuBackend::kScratch0, static_cast<size_t>(x.bytes()));
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

/// dA:  da [rank, in] f32 (=, +=) v^T x
void a_grad(CpuBackend& backend, const LoraLinearBwd& op, const MatrixIn& v, const MatrixIn& x) {
  const int64_t in = op.a.shape[1];
  gemm(backend, {.m = op.a.shape[0],
                 .n = in,
                 .k = op.dy.shape[0],
                 .a = transpose(v),
                 .b = x,
                 .c = op.da.tensor.data,
                 .ldc = in,
                 .accumulate = op.da.mode == GradMode::kAdd});
}

/// dB:  db [out, rank] f32 (=, +=) dy^T u, made as u^T dy [rank, out]: oneDNN rearranges the factor that is transposed,
/// and u is the smaller one.
void b_grad(CpuBackend& backend, const LoraLinearBwd& op) {
  const int64_t out = op.b.shape[0], rank = op.b.shape[1];
  float* const transposed = backend.scratch<float>(CpuBackend::kScratch2, rank * out);
  gemm(backend, {.m = rank,
                 .n = out,
                 .k = op.dy.shape[0],
                 .a = transpose(whole(op.u)),
                 .b = whole(op.dy),
                 .c = transposed,
                 .ldc = out});
  float* const db = op.db.tensor.as<float>();
  const bool add = op.db.mode == GradMode::kAdd;
  parallel_for(out, 256, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o)
      for (int64_t r = 0; r < rank; ++r) {
        float& to = db[o * rank + r];
        to = transposed[r * out + o] + (add ? to : 0.0f);
      }
  });
}

/// dx (=, +=) dy W + term, or + v A where no term was made.
void x_grad(CpuBackend& backend, const LoraLinearBwd& op, const MatrixIn& term, const MatrixIn& v, const MatrixIn& a) {
  const int64_t rows = op.dy.shape[0], in = op.w.in_features();
  Gemm base{.m = rows,
            .n = in,
            .k = op.w.out_features(),
            .a = whole(op.dy),
            .addend = term,
            .c = op.dx.tensor.data,
            .c_dtype = op.dy.dtype,
            .ldc = in,
            .accumulate = op.dx.mode == GradMode::kAdd};
  set_weight(base, op.w, PackFor::kBackward);
  gemm(backend, base);
  if (term.data) return;
  gemm(backend,
       {.m = rows, .n = in, .k = op.a.shape[0], .a = v, .b = a, .c = op.dx.tensor.data, .ldc = in, .accumulate = true});
}

/// dx and dA, at least one of which is wanted.
void through_v(CpuBackend& backend, const LoraLinearBwd& op) {
  const int64_t rows = op.dy.shape[0], in = op.w.in_features(), rank = op.a.shape[0];
  const Dtype dtype = op.dy.dtype;
  const Adapter adapter = compute_adapter(backend, op.a, op.b, dtype);
  void* const v_data = backend.scratch(CpuBackend::kScratch2, static_cast<size_t>(rows * rank) * size_of(dtype));
  const MatrixIn v{v_data, dtype, rank};
  gemm(backend, {.m = rows,
                 .n = rank,
                 .k = op.w.out_features(),
                 .a = whole(op.dy),
                 .b = adapter.b,
                 .alpha = full_scale(op.scale, op.dropout),
                 .c = v_data,
                 .c_dtype = dtype,
                 .ldc = rank});
  const bool drops = op.dropout.p > 0;
  Masked term, x;
  MatrixIn term_matrix;
  if (op.dx && (drops || dtype == Dtype::bf16)) {
    term_matrix = low_rank_term(backend, rows, in, rank, v, adapter.a, {});
    term = {term_matrix.data, const_cast<void*>(term_matrix.data), Dtype::f32};
  }
  if (op.da) x = {op.x.data, dropped_room(backend, op.dropout, op.x), dtype};
  if (drops) mask_elements(op.dropout, rows * in, x, term);
  if (op.da) a_grad(backend, op, v, {x.to, dtype, in});
  if (op.dx) x_grad(backend, op, term_matrix, v, adapter.a);
}

void zero_if_written(const GradOut& grad) {
  if (grad.mode == GradMode::kWrite) std::memset(grad.tensor.data, 0, static_cast<size_t>(grad.tensor.bytes()));
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
  void* const kept = cpu::dropped_room(backend, op.dropout, op.x);
  if (op.dropout.p > 0) cpu::mask_elements(op.dropout, rows * in, {op.x.data, kept, dtype});
  cpu::gemm(backend, {.m = rows,
                      .n = rank,
                      .k = in,
                      .a = {kept, dtype, in},
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
  if (op.dy.shape[0] == 0) {
    cpu::zero_if_written(op.da);
    cpu::zero_if_written(op.db);
    return;
  }
  if (op.dx || op.da) cpu::through_v(backend, op);
  if (op.db) cpu::b_grad(backend, op);
}

}  // namespace lorica
