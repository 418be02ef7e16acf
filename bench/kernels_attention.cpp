#include <benchmark/benchmark.h>

#include <dnnl.h>

#include <random>
#include <vector>

#include "kernels/ops/attention.h"

// Attention on the CPU: GFLOP/s by cost(), beside a large f32 GEMM of the same machine.
namespace lorica {
namespace {

std::vector<unsigned char> random_tensor(int64_t n, Dtype dtype, uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<unsigned char> memory(static_cast<size_t>(n) * size_of(dtype));
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
    const float x = normal(generator);
    if (dtype == Dtype::f32)
      reinterpret_cast<float*>(memory.data())[i] = x;
    else
      reinterpret_cast<bf16*>(memory.data())[i] = bf16(x);
  }
  return memory;
}

/// Queries, keys, values and everything the backward pass needs, for packed documents of equal length.
struct Setup {
  Context context;
  Shape q_shape, kv_shape;
  std::vector<unsigned char> q, k, v, o, dy, dq, dk, dv;
  std::vector<float> lse;
  std::vector<int32_t> cu;
  Dtype dtype;
  float scale;

  Setup(int64_t documents, int64_t length, int64_t heads, int64_t kv_heads, int64_t d, Dtype type)
      : q_shape{documents * length, heads, d}, kv_shape{documents * length, kv_heads, d}, dtype(type) {
    q = random_tensor(q_shape.elements(), type, 1);
    k = random_tensor(kv_shape.elements(), type, 2);
    v = random_tensor(kv_shape.elements(), type, 3);
    dy = random_tensor(q_shape.elements(), type, 4);
    o = dq = q;
    dk = dv = k;
    lse.resize(static_cast<size_t>(documents * length * heads));
    for (int64_t i = 0; i <= documents; ++i) cu.push_back(static_cast<int32_t>(i * length));
    scale = 1 / std::sqrt(static_cast<float>(d));
  }
  In cu_view() const { return {cu.data(), {static_cast<int64_t>(cu.size())}, Dtype::i32}; }
  Out lse_view() { return {lse.data(), {q_shape[1], q_shape[0]}, Dtype::f32}; }
  AttentionFwd forward() {
    return {.q = {q.data(), q_shape, dtype},
            .k = {k.data(), kv_shape, dtype},
            .v = {v.data(), kv_shape, dtype},
            .cu_seqlens = cu_view(),
            .o = {o.data(), q_shape, dtype},
            .lse = lse_view(),
            .scale = scale};
  }
  AttentionBwd backward() {
    return {.do_ = {dy.data(), q_shape, dtype},
            .q = {q.data(), q_shape, dtype},
            .k = {k.data(), kv_shape, dtype},
            .v = {v.data(), kv_shape, dtype},
            .o = {o.data(), q_shape, dtype},
            .lse = lse_view(),
            .cu_seqlens = cu_view(),
            .dq = {{dq.data(), q_shape, dtype}, GradMode::kWrite},
            .dk = {{dk.data(), kv_shape, dtype}, GradMode::kWrite},
            .dv = {{dv.data(), kv_shape, dtype}, GradMode::kWrite},
            .scale = scale};
  }
};

void report(benchmark::State& state, double flops, double bytes) {
  const double runs = static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = benchmark::Counter(flops * runs / 1e9, benchmark::Counter::kIsRate);
  state.counters["GB/s"] = benchmark::Counter(bytes * runs / 1e9, benchmark::Counter::kIsRate);
}

Dtype dtype_arg(const benchmark::State& state) { return state.range(5) ? Dtype::bf16 : Dtype::f32; }

void forward(benchmark::State& state) {
  Setup s(state.range(0), state.range(1), state.range(2), state.range(3), state.range(4), dtype_arg(state));
  for (auto _ : state) launch(s.context, s.forward());
  report(state, s.forward().cost().flops, s.forward().cost().bytes);
}

void backward(benchmark::State& state) {
  Setup s(state.range(0), state.range(1), state.range(2), state.range(3), state.range(4), dtype_arg(state));
  launch(s.context, s.forward());
  for (auto _ : state) launch(s.context, s.backward());
  report(state, s.backward().cost().flops, s.backward().cost().bytes);
}

/// One new token for each of B sequences over a full cache.
void decode(benchmark::State& state) {
  const int64_t sequences = state.range(0), capacity = state.range(1);
  const Dtype dtype = dtype_arg(state);
  const Shape q_shape{sequences, state.range(2), state.range(4)},
      cache{sequences, capacity, state.range(3), state.range(4)};
  const auto q = random_tensor(q_shape.elements(), dtype, 1), k = random_tensor(cache.elements(), dtype, 2),
             v = random_tensor(cache.elements(), dtype, 3);
  auto o = q;
  std::vector<int32_t> cu, lens(static_cast<size_t>(sequences), static_cast<int32_t>(capacity));
  for (int64_t i = 0; i <= sequences; ++i) cu.push_back(static_cast<int32_t>(i));
  const AttentionCached op = {.q = {q.data(), q_shape, dtype},
                              .k_cache = {k.data(), cache, dtype},
                              .v_cache = {v.data(), cache, dtype},
                              .cu_q = {cu.data(), {sequences + 1}, Dtype::i32},
                              .kv_lens = {lens.data(), {sequences}, Dtype::i32},
                              .o = {o.data(), q_shape, dtype},
                              .scale = 0.125f};
  Context context;
  for (auto _ : state) launch(context, op);
  report(state, op.cost().flops, op.cost().bytes);
}

/// The yardstick: oneDNN's f32 GEMM.
void sgemm(benchmark::State& state) {
  const int64_t n = state.range(0);
  const auto a = random_tensor(n * n, Dtype::f32, 1), b = random_tensor(n * n, Dtype::f32, 2);
  std::vector<float> c(static_cast<size_t>(n * n));
  for (auto _ : state)
    dnnl_sgemm('N', 'N', n, n, n, 1, reinterpret_cast<const float*>(a.data()), n,
               reinterpret_cast<const float*>(b.data()), n, 0, c.data(), n);
  report(state, 2.0 * static_cast<double>(n * n * n), 12.0 * static_cast<double>(n * n));
}

void training_shapes(benchmark::internal::Benchmark* bench) {
  // documents, length, heads, kv heads, width, bf16
  bench->Args({2, 512, 9, 3, 64, 0})->Args({2, 512, 9, 3, 64, 1})->Args({1, 2048, 9, 3, 64, 0});
  bench->Args({1, 1024, 16, 8, 128, 0})->Args({2, 512, 8, 8, 80, 0})->Args({32, 32, 9, 3, 64, 0});
}

BENCHMARK(sgemm)->Arg(1024)->UseRealTime();
BENCHMARK(forward)->Apply(training_shapes)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(backward)->Apply(training_shapes)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(decode)
    ->Args({1, 8192, 9, 3, 64, 0})
    ->Args({1, 8192, 9, 3, 64, 1})
    ->Args({8, 4096, 32, 8, 128, 0})
    ->Args({8, 4096, 32, 8, 128, 1})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace lorica
