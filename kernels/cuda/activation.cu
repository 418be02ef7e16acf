#include "kernels/ops/activation.h"

#include "kernels/cuda/device/pieces.cuh"
#include "kernels/cuda/shapes.h"

namespace lorica {
namespace {

using namespace device;

struct ValueAndSlope {
  float value, slope;
};

__device__ __forceinline__ float sigmoid(float x) { return __fdividef(1.0f, 1.0f + expf(-x)); }

template <Activation kActivation>
__device__ __forceinline__ ValueAndSlope activate(float x) {
  if constexpr (kActivation == Activation::kSilu) {
    const float s = sigmoid(x);
    return {x * s, s + x * s * (1.0f - s)};
  } else if constexpr (kActivation == Activation::kGeluTanh) {
    // (1 + tanh u) / 2 = sigmoid(2u): no cancellation for negative x. Beyond 16 the sigmoid is 0 or 1 in f32, and the
    // bound keeps x^3 finite.
    constexpr float kTwiceRoot = 1.5957691216f, kCubic = 0.044715f;  // 2 sqrt(2 / pi)
    const float c = x < -16.0f ? -16.0f : (x > 16.0f ? 16.0f : x);   // a NaN fails both tests and stays
    const float s = sigmoid(kTwiceRoot * c * (1.0f + kCubic * c * c));
    return {x * s, s + c * s * (1.0f - s) * (kTwiceRoot * (1.0f + 3.0f * kCubic * c * c))};
  } else {
    constexpr float kInverseRoot = 0.39894228040f, kRootHalf = 0.70710678119f;  // 1 / sqrt(2 pi), sqrt(1 / 2)
    const float cdf = 0.5f * erfcf(-x * kRootHalf);
    return {x * cdf, cdf + x * (kInverseRoot * expf(-0.5f * x * x))};
  }
}

template <class T, Activation kActivation>
__global__ void activation_fwd_kernel(const T* x, T* y, int64_t n, bool vectors) {
  constexpr int kN = Vector<T>::kWidth;
  for_piece<kN>(n, [&](int64_t at, int count) {
    Floats<kN> v = load_floats<kN>(x + at, count, vectors);
#pragma unroll
    for (int j = 0; j < kN; ++j) v.value[j] = activate<kActivation>(v.value[j]).value;
    store_floats(y + at, v, count, vectors);
  });
}

template <class T, Activation kActivation>
__global__ void activation_bwd_kernel(const T* dy, const T* x, Grad<T> dx, int64_t n, bool vectors) {
  constexpr int kN = Vector<T>::kWidth;
  for_piece<kN>(n, [&](int64_t at, int count) {
    Floats<kN> v = load_floats<kN>(x + at, count, vectors);
    const Floats<kN> g = load_floats<kN>(dy + at, count, vectors);
#pragma unroll
    for (int j = 0; j < kN; ++j) v.value[j] = g.value[j] * activate<kActivation>(v.value[j]).slope;
    put_floats(dx, at, v, count, vectors);
  });
}

template <class T, Activation kActivation>
__global__ void glu_fwd_kernel(const T* gate, const T* up, T* y, int64_t n, bool vectors) {
  constexpr int kN = Vector<T>::kWidth;
  for_piece<kN>(n, [&](int64_t at, int count) {
    Floats<kN> v = load_floats<kN>(gate + at, count, vectors);
    const Floats<kN> u = load_floats<kN>(up + at, count, vectors);
#pragma unroll
    for (int j = 0; j < kN; ++j) v.value[j] = activate<kActivation>(v.value[j]).value * u.value[j];
    store_floats(y + at, v, count, vectors);
  });
}

template <class T, Activation kActivation>
__global__ void glu_bwd_kernel(const T* dy, const T* gate, const T* up, Grad<T> dgate, Grad<T> dup, int64_t n,
                               bool vectors) {
  constexpr int kN = Vector<T>::kWidth;
  for_piece<kN>(n, [&](int64_t at, int count) {
    Floats<kN> g = load_floats<kN>(dy + at, count, vectors);
    Floats<kN> v = load_floats<kN>(gate + at, count, vectors);
    const Floats<kN> u = load_floats<kN>(up + at, count, vectors);
#pragma unroll
    for (int j = 0; j < kN; ++j) {
      const ValueAndSlope a = activate<kActivation>(v.value[j]);
      v.value[j] = g.value[j] * u.value[j] * a.slope;
      g.value[j] *= a.value;
    }
    put_floats(dgate, at, v, count, vectors);
    put_floats(dup, at, g, count, vectors);
  });
}

/// Calls fn.template operator()<T, kActivation>().
template <class Fn>
void visit_activation(Dtype dtype, Activation activation, Fn&& fn) {
  visit_float(dtype, [&]<class T> {
    switch (activation) {
      case Activation::kSilu:
        return fn.template operator()<T, Activation::kSilu>();
      case Activation::kGeluTanh:
        return fn.template operator()<T, Activation::kGeluTanh>();
      case Activation::kGeluErf:
        return fn.template operator()<T, Activation::kGeluErf>();
    }
  });
}

}  // namespace

void run(CudaBackend& cuda, const GluFwd& op) {
  visit_activation(op.y.dtype, op.activation, [&]<class T, Activation kActivation> {
    constexpr int kN = Vector<T>::kWidth;
    const T *const gate = op.gate.as<T>(), *const up = op.up.as<T>();
    T* const y = op.y.as<T>();
    const int64_t n = op.y.elements();
    launch_kernel(cuda, "glu_fwd", glu_fwd_kernel<T, kActivation>, flat_shape<kN>(n), gate, up, y, n,
                  aligned<kN>(gate, up, y));
  });
}

void run(CudaBackend& cuda, const GluBwd& op) {
  if (!op.dgate && !op.dup) return;
  visit_activation(op.dy.dtype, op.activation, [&]<class T, Activation kActivation> {
    constexpr int kN = Vector<T>::kWidth;
    const T *const dy = op.dy.as<T>(), *const gate = op.gate.as<T>(), *const up = op.up.as<T>();
    const Grad<T> dgate = typed_grad<T>(op.dgate), dup = typed_grad<T>(op.dup);
    const int64_t n = op.dy.elements();
    launch_kernel(cuda, "glu_bwd", glu_bwd_kernel<T, kActivation>, flat_shape<kN>(n), dy, gate, up, dgate, dup, n,
                  aligned<kN>(dy, gate, up, dgate.data, dup.data));
  });
}

void run(CudaBackend& cuda, const ActivationFwd& op) {
  visit_activation(op.y.dtype, op.activation, [&]<class T, Activation kActivation> {
    constexpr int kN = Vector<T>::kWidth;
    const T* const x = op.x.as<T>();
    T* const y = op.y.as<T>();
    const int64_t n = op.y.elements();
    launch_kernel(cuda, "activation_fwd", activation_fwd_kernel<T, kActivation>, flat_shape<kN>(n), x, y, n,
                  aligned<kN>(x, y));
  });
}

void run(CudaBackend& cuda, const ActivationBwd& op) {
  if (!op.dx) return;
  visit_activation(op.dy.dtype, op.activation, [&]<class T, Activation kActivation> {
    constexpr int kN = Vector<T>::kWidth;
    const T *const dy = op.dy.as<T>(), *const x = op.x.as<T>();
    const Grad<T> dx = typed_grad<T>(op.dx);
    const int64_t n = op.dy.elements();
    launch_kernel(cuda, "activation_bwd", activation_bwd_kernel<T, kActivation>, flat_shape<kN>(n), dy, x, dx, n,
                  aligned<kN>(dy, x, dx.data));
  });
}

}  // namespace lorica
