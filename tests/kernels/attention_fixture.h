#pragma once
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "kernels/ops/attention.h"
#include "tests/reference/attention.h"
#include "tests/support/host_tensor.h"

namespace lorica::test {

/// Random inputs of one attention and everything that its forward and backward ops write.
struct AttentionRun {
  AttentionCase c;
  HostTensor q, k, v, dy, cu, o, lse, dq, dk, dv;
  Context& context = context_under_test();

  AttentionRun(const AttentionCase& attention, Dtype dtype = Dtype::f32, double spread = 1, uint64_t seed = 1)
      : c(attention),
        q(HostTensor::random(q_shape(), dtype, seed, spread)),
        k(HostTensor::random(kv_shape(), dtype, seed + 100, spread)),
        v(HostTensor::random(kv_shape(), dtype, seed + 200)),
        dy(HostTensor::random(q_shape(), dtype, seed + 300)),
        cu(HostTensor::ints(c.cu)),
        o(q_shape(), dtype),
        lse({c.heads, c.tokens()}, Dtype::f32),
        dq(q_shape(), dtype),
        dk(kv_shape(), dtype),
        dv(kv_shape(), dtype) {}

  Shape q_shape() const { return {c.tokens(), c.heads, c.d}; }
  Shape kv_shape() const { return {c.tokens(), c.kv_heads, c.d}; }
  AttentionFwd forward_op() {
    return {.q = q.in(),
            .k = k.in(),
            .v = v.in(),
            .cu_seqlens = cu.in(),
            .o = o.out(),
            .lse = lse.out(),
            .scale = static_cast<float>(c.scale),
            .window = static_cast<int>(c.window),
            .softcap = static_cast<float>(c.softcap)};
  }
  AttentionBwd backward_op(GradMode mode = GradMode::kWrite) {
    return {.do_ = dy.in(),
            .q = q.in(),
            .k = k.in(),
            .v = v.in(),
            .o = o.in(),
            .lse = lse.in(),
            .cu_seqlens = cu.in(),
            .dq = dq.grad(mode),
            .dk = dk.grad(mode),
            .dv = dv.grad(mode),
            .scale = static_cast<float>(c.scale),
            .window = static_cast<int>(c.window),
            .softcap = static_cast<float>(c.softcap)};
  }
  void forward() { launch(context, forward_op()); }
  void backward(GradMode mode = GradMode::kWrite) { launch(context, backward_op(mode)); }
  std::vector<double> reference() const { return reference_attention(c, q.values(), k.values(), v.values()); }
  AttentionGrads reference_grads() const {
    return reference_attention_grads(c, q.values(), k.values(), v.values(), dy.values());
  }
};

/// Documents of the given lengths; scale 1 / sqrt(d) rounded to f32 as the op gets it.
inline AttentionCase attention_case(const std::vector<int32_t>& lengths, int64_t heads, int64_t kv_heads, int64_t d,
                                    int64_t window = 0, double softcap = 0) {
  AttentionCase c{.heads = heads,
                  .kv_heads = kv_heads,
                  .d = d,
                  .cu = {0},
                  .scale = static_cast<float>(1 / std::sqrt(static_cast<double>(d))),
                  .window = window,
                  .softcap = softcap};
  for (int32_t length : lengths) c.cu.push_back(c.cu.back() + length);
  return c;
}

}  // namespace lorica::test
