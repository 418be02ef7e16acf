#include "kernels/ops/activation.h"

#include "kernels/cpu/rows.h"

namespace lorica {
namespace {

struct ValueAndSlope {
  float value, slope;
};

template <Activation kActivation>
[[gnu::always_inline]] inline ValueAndSlope activate(float x) {
  if constexpr (kActivation == Activation::kSilu) {
    const float s = cpu::fast_sigmoid(x);
    return {x * s, s + x * s * (1.0f - s)};
  } else if constexpr (kActivation == Activation::kGeluTanh) {
    // (1 + tanh u) / 2 = sigmoid(2u): no cancellation for negative x. Beyond 16 the sigmoid is 0 or 1 in f32, and the
    // bound keeps x^3 finite.
    constexpr float kTwiceRoot = 1.5957691216f, kCubic = 0.044715f;  // 2 sqrt(2 / pi)
    const float c = x < -16.0f ? -16.0f : (x > 16.0f ? 16.0f : x);
    const float s = cpu::fast_sigmoid(kTwiceRoot * c * (1.0f + kCubic * c * c));
    return {x * s, s + c * s * (1.0f - s) * (kTwiceRoot * (1.0f + 3.0f * kCubic * c * c))};
  } else {
    constexpr float kInverseRoot = 0.39894228040f;  // 1 / sqrt(2 pi)
    const float e = cpu::fast_exp(-0.5f * x * x);
    const float cdf = cpu::normal_cdf(x, e);
    return {x * cdf, cdf + x * (kInverseRoot * e)};
  }
}

template <class Fn>
void visit_activation(Activation activation, Fn&& fn) {
  switch (activation) {
    case Activation::kSilu:
      return fn.template operator()<Activation::kSilu>();
    case Activation::kGeluTanh:
      return fn.template operator()<Activation::kGeluTanh>();
    case Activation::kGeluErf:
      return fn.template operator()<Activation::kGeluErf>();
  }
}

/// Calls fn.template operator()<T, kActivation>(begin, end) over pieces of n elements.
template <class Fn>
void for_pieces(Dtype dtype, Activation activation, int64_t n, Fn&& fn) {
  visit_float(dtype, [&]<class T> {
    visit_activation(activation, [&]<Activation kActivation> {
      cpu::parallel_for(n, cpu::kPieceElements,
                        [&](int64_t begin, int64_t end) { fn.template operator()<T, kActivation>(begin, end); });
    });
  });
}

/// Elements whose gradients wait in f32 on the stack, so that one loop serves every pair of modes and dtypes.
constexpr int64_t kBlock = 256;

template <class T>
void put_block(const GradOut& grad, int64_t at, const float* values, int64_t n) {
  cpu::visit_grad(grad.mode, [&]<bool kAdding> {
    T* const out = grad.tensor.template as<T>() + at;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) cpu::put<kAdding>(out + i, values[i]);
  });
}

template <class T, Activation kActivation>
void glu_backward(const GluBwd& op, int64_t begin, int64_t end) {
  float dgate[kBlock], dup[kBlock];
  for (int64_t at = begin; at < end; at += kBlock) {
    const int64_t n = std::min(kBlock, end - at);
    const T* const dy = op.dy.as<T>() + at;
    const T* const gate = op.gate.as<T>() + at;
    const T* const up = op.up.as<T>() + at;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) {
      const ValueAndSlope a = activate<kActivation>(cpu::load(gate + i));
      dgate[i] = cpu::load(dy + i) * cpu::load(up + i) * a.slope;
      dup[i] = cpu::load(dy + i) * a.value;
    }
    put_block<T>(op.dgate, at, dgate, n);
    put_block<T>(op.dup, at, dup, n);
  }
}

template <class T, Activation kActivation>
void activation_backward(const ActivationBwd& op, int64_t begin, int64_t end) {
  float dx[kBlock];
  for (int64_t at = begin; at < end; at += kBlock) {
    const int64_t n = std::min(kBlock, end - at);
    const T* const dy = op.dy.as<T>() + at;
    const T* const x = op.x.as<T>() + at;
#pragma omp simd
    for (int64_t i = 0; i < n; ++i) dx[i] = cpu::load(dy + i) * activate<kActivation>(cpu::load(x + i)).slope;
    put_block<T>(op.dx, at, dx, n);
  }
}

}  // namespace

void run(CpuBackend&, const GluFwd& op) {
  for_pieces(op.y.dtype, op.activation, op.y.elements(),
             [&]<class T, Activation kActivation>(int64_t begin, int64_t end) {
               const T* const gate = op.gate.as<T>();
               const T* const up = op.up.as<T>();
               T* const y = op.y.as<T>();
#pragma omp simd
               for (int64_t i = begin; i < end; ++i)
                 cpu::store(y + i, activate<kActivation>(cpu::load(gate + i)).value * cpu::load(up + i));
             });
}

void run(CpuBackend&, const GluBwd& op) {
  if (!op.dgate && !op.dup) return;
  for_pieces(op.dy.dtype, op.activation, op.dy.elements(),
             [&]<class T, Activation kActivation>(int64_t begin, int64_t end) {
               glu_backward<T, kActivation>(op, begin, end);
             });
}

void run(CpuBackend&, const ActivationFwd& op) {
  for_pieces(op.y.dtype, op.activation, op.y.elements(),
             [&]<class T, Activation kActivation>(int64_t begin, int64_t end) {
               const T* const x = op.x.as<T>();
               T* const y = op.y.as<T>();
#pragma omp simd
               for (int64_t i = begin; i < end; ++i) cpu::store(y + i, activate<kActivation>(cpu::load(x + i)).value);
             });
}

void run(CpuBackend&, const ActivationBwd& op) {
  if (!op.dx) return;
  for_pieces(op.dy.dtype, op.activation, op.dy.elements(),
             [&]<class T, Activation kActivation>(int64_t begin, int64_t end) {
               activation_backward<T, kActivation>(op, begin, end);
             });
}

}  // namespace lorica
