#include <benchmark/benchmark.h>

#include <cstring>
#include <random>
#include <vector>

#include "kernels/cpu/gemm.h"

// oneDNN's matrix product by the layout of its operands, at the shapes of SmolLM2-135M, on all cores. The first
// argument of every row is the dtype (32: f32, 16: bf16). Inputs are random, never zeros.
namespace lorica {
namespace {

struct Buffer {
  std::vector<float> memory;
  Shape shape;
  Dtype dtype;
  Buffer(Shape s, Dtype t, float spread = 1) : memory(static_cast<size_t>(s.elements())), shape(s), dtype(t) {
    static std::mt19937 generator(1);
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> few(4099);
    for (float& value : few) value = normal(generator);
    for (size_t i = 0; i < memory.size(); ++i) {
      const float value = few[i % few.size()];
      if (dtype == Dtype::f32) {
        memory[i] = value;
      } else {
        const bf16 rounded(value);
        std::memcpy(reinterpret_cast<char*>(memory.data()) + 2 * i, &rounded, 2);
      }
    }
  }
  Out view() { return {memory.data(), shape, dtype}; }
};

Dtype dtype_of_row(const benchmark::State& state) { return state.range(0) == 16 ? Dtype::bf16 : Dtype::f32; }

void report(benchmark::State& state, const Cost& cost) {
  state.counters["FLOP/s"] = benchmark::Counter(cost.flops, benchmark::Counter::kIsIterationInvariantRate);
}

/// dtype, m, k, n, kind: 0 row-major, 1 transposed, 2 packed second factor; +4: transposed first factor.
void gemm_rows(benchmark::State& state) {
  const Dtype dtype = dtype_of_row(state);
  const int64_t m = state.range(1), k = state.range(2), n = state.range(3), kind = state.range(4);
  CpuBackend backend;
  const bool tb = kind % 4 == 1, ta = kind >= 4;
  Buffer a(ta ? Shape{k, m} : Shape{m, k}, dtype), b(tb ? Shape{n, k} : Shape{k, n}, dtype), c({m, n}, Dtype::f32);
  cpu::Gemm g{.m = m,
              .n = n,
              .k = k,
              .a = {a.view().data, dtype, ta ? m : k, ta},
              .b = {b.view().data, dtype, tb ? k : n, tb},
              .c = c.view().data,
              .c_dtype = ta || n > 16384 ? Dtype::f32 : dtype,
              .ldc = n};
  std::shared_ptr<const cpu::PackedMatrix> packed;
  if (kind == 2) packed = cpu::pack_matrix(backend, k, n, g.b);
  g.packed_b = packed.get();
  cpu::gemm(backend, g);
  for (auto _ : state) cpu::gemm(backend, g);
  report(state, {0, 2.0 * static_cast<double>(m) * static_cast<double>(k) * static_cast<double>(n)});
}

void gemm_shapes(benchmark::internal::Benchmark* b) {
  for (int64_t dtype : {32, 16}) {
    for (int64_t m : {512, 1024})
      for (auto [in, out] : {std::pair{576, 576}, {576, 192}, {576, 1536}, {1536, 576}})
        b->Args({dtype, m, in, out, 1})->Args({dtype, m, in, out, 2})->Args({dtype, m, out, in, 0});
    b->Args({dtype, 160, 576, 49152, 1})->Args({dtype, 160, 576, 49152, 2});
    b->Args({dtype, 160, 49152, 576, 0})->Args({dtype, 160, 49152, 576, 2});
    for (int64_t width : {576, 1536}) {
      b->Args({dtype, 1024, width, 16, 1})->Args({dtype, 1024, width, 16, 0});
      b->Args({dtype, 1024, 16, width, 1})->Args({dtype, 1024, 16, width, 0});
      b->Args({dtype, 16, 1024, width, 4})->Args({dtype, width, 1024, 16, 4});
    }
  }
}

BENCHMARK(gemm_rows)->Apply(gemm_shapes)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lorica

BENCHMARK_MAIN();
