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

/// Sequences with some keys in the cache and some new tokens; what lies behind kv_lens in the cache is NaN.
struct CachedRun {
  AttentionCase c;
  int64_t capacity;
  std::vector<int32_t> fresh, lens;
  HostTensor q, k_cache, v_cache, cu, kv_lens, o;
  Context& context = context_under_test();

  static std::vector<int32_t> running(const std::vector<int32_t>& counts) {
    std::vector<int32_t> sums = {0};
    for (int32_t n : counts) sums.push_back(sums.back() + n);
    return sums;
  }
  CachedRun(const AttentionCase& attention, int64_t cache_capacity, std::vector<int32_t> new_tokens,
            std::vector<int32_t> cached, Dtype dtype = Dtype::f32)
      : c(attention),
        capacity(cache_capacity),
        fresh(std::move(new_tokens)),
        lens(std::move(cached)),
        q(HostTensor::random({running(fresh).back(), c.heads, c.d}, dtype, 1)),
        k_cache(HostTensor::random({batch(), capacity, c.kv_heads, c.d}, dtype, 2)),
        v_cache(HostTensor::random({batch(), capacity, c.kv_heads, c.d}, dtype, 3)),
        cu(HostTensor::ints(running(fresh))),
        kv_lens(HostTensor::ints(lens)),
        o(q.shape(), dtype) {
    const int64_t row = c.kv_heads * c.d;
    for (int64_t b = 0; b < batch(); ++b)
      for (int64_t i = (b * capacity + lens[static_cast<size_t>(b)]) * row; i < (b + 1) * capacity * row; ++i)
        k_cache.set(static_cast<size_t>(i), NAN), v_cache.set(static_cast<size_t>(i), NAN);
  }
  int64_t batch() const { return static_cast<int64_t>(fresh.size()); }
  AttentionCached op() {
    return {.q = q.in(),
            .k_cache = k_cache.in(),
            .v_cache = v_cache.in(),
            .cu_q = cu.in(),
            .kv_lens = kv_lens.in(),
            .o = o.out(),
            .scale = static_cast<float>(c.scale),
            .window = static_cast<int>(c.window),
            .softcap = static_cast<float>(c.softcap)};
  }
  std::vector<double> reference() const {
    const auto qs = q.values(), ks = k_cache.values(), vs = v_cache.values();
    std::vector<double> result(qs.size());
    const int64_t stride = c.kv_heads * c.d;
    for (int64_t b = 0, token = 0; b < batch(); ++b)
      for (int64_t i = 0; i < fresh[static_cast<size_t>(b)]; ++i, ++token)
        for (int64_t h = 0; h < c.heads; ++h) {
          const int64_t row = (token * c.heads + h) * c.d,
                        position = lens[static_cast<size_t>(b)] - fresh[static_cast<size_t>(b)] + i;
          const int64_t kv = b * capacity * stride + h / (c.heads / c.kv_heads) * c.d;
          reference_attention_row(c, qs.data() + row, ks.data() + kv, vs.data() + kv, stride, position,
                                  result.data() + row);
        }
    return result;
  }
};

}  // namespace lorica::test
