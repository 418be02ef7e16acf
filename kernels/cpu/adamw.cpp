#include "kernels/ops/adamw.h"

#include <cmath>

#include "kernels/cpu/rows.h"

namespace lorica {
namespace {

/// What is the same for all elements of a step.
struct Step {
  float beta1, beta2, rest1, rest2, eps;
  float learning_rate, inverse_correction1, inverse_root_correction2;
  float grad_scale = 1;

  explicit Step(const AdamW& op) : beta1(op.beta1), beta2(op.beta2), eps(op.eps) {
    rest1 = static_cast<float>(1 - double{op.beta1});
    rest2 = static_cast<float>(1 - double{op.beta2});
    const float* const values = op.step_values.as<float>();
    learning_rate = values[0];
    inverse_correction1 = 1 / values[1];
    inverse_root_correction2 = 1 / std::sqrt(values[2]);
    if (op.max_grad_norm > 0)
      grad_scale = static_cast<float>(std::min(1.0, op.max_grad_norm / (*op.norm.as<double>() + 1e-6)));
  }
};

void update(const Step& s, const AdamWTensor& tensor, int64_t begin, int64_t end) {
  float* const p = tensor.value;
  float* const m = tensor.m;
  float* const v = tensor.v;
  const float* const grad = tensor.grad;
  const float learning_rate = s.learning_rate * tensor.lr_scale;
  const float keep = std::fma(-learning_rate, tensor.weight_decay, 1.0f);
  const float step_size = learning_rate * s.inverse_correction1;
  const Step k = s;  // a local copy: the stores below cannot alias it
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    const float g = grad[i] * k.grad_scale;
    const float m_new = k.beta1 * m[i] + k.rest1 * g;
    const float v_new = k.beta2 * v[i] + k.rest2 * (g * g);
    m[i] = m_new;
    v[i] = v_new;
    p[i] = p[i] * keep - step_size * m_new / (std::sqrt(v_new) * k.inverse_root_correction2 + k.eps);
  }
}

/// A stretch of at most kPieceElements elements of one tensor: LoRA has hundreds of small tensors, so that all of them
/// go through one parallel loop.
struct Piece {
  int64_t tensor, begin;
};

int64_t piece_count(int64_t elements) { return (elements + cpu::kPieceElements - 1) / cpu::kPieceElements; }

/// Calls fn(piece number, tensor, begin, end) for every piece of tensors of the given sizes.
template <class Size, class Fn>
void for_pieces(CpuBackend& cpu, int64_t tensors, Size&& size, Fn&& fn) {
  int64_t count = 0;
  for (int64_t i = 0; i < tensors; ++i) count += piece_count(size(i));
  Piece* const pieces = cpu.scratch<Piece>(CpuBackend::kScratch0, count);
  int64_t next = 0;
  for (int64_t i = 0; i < tensors; ++i)
    for (int64_t begin = 0; begin < size(i); begin += cpu::kPieceElements) pieces[next++] = {i, begin};
  cpu::parallel_for(count, 1, [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p) {
      const Piece piece = pieces[p];
      fn(p, piece.tensor, piece.begin, std::min(size(piece.tensor), piece.begin + cpu::kPieceElements));
    }
  });
}

}  // namespace

void run(CpuBackend& cpu, const AdamW& op) {
  if (op.norm && !std::isfinite(*op.norm.as<double>())) return;
  const Step step(op);
  for_pieces(
      cpu, static_cast<int64_t>(op.tensors.size()),
      [&](int64_t i) { return op.tensors[static_cast<size_t>(i)].elements; },
      [&](int64_t, int64_t tensor, int64_t begin, int64_t end) {
        update(step, op.tensors[static_cast<size_t>(tensor)], begin, end);
      });
}

void run(CpuBackend& cpu, const GlobalNorm& op) {
  const auto size = [&](int64_t i) { return op.grads[static_cast<size_t>(i)].elements(); };
  const int64_t tensors = static_cast<int64_t>(op.grads.size());
  int64_t count = 0;
  for (int64_t i = 0; i < tensors; ++i) count += piece_count(size(i));
  double* const sums = cpu.scratch<double>(CpuBackend::kScratch1, count);
  for_pieces(cpu, tensors, size, [&](int64_t piece, int64_t tensor, int64_t begin, int64_t end) {
    const float* const grad = op.grads[static_cast<size_t>(tensor)].as<float>();
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = begin; i < end; ++i) sum += static_cast<double>(grad[i]) * static_cast<double>(grad[i]);
    sums[piece] = sum;
  });
  double total = 0;
  for (int64_t p = 0; p < count; ++p) total += sums[p];
  *op.norm.as<double>() = std::sqrt(total);
}

}  // namespace lorica
