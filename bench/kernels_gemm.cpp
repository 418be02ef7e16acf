#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/cpu/gemm.h"
#include "kernels/ops/head_loss.h"
#include "kernels/ops/lora_linear.h"

// GEMM-bound ops at the shapes of SmolLM2-135M, on all cores. The first argument of every row is the dtype (32: f32,
// 16: bf16). FLOP/s are those of the op's cost(); inputs are random, never zeros.
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

/// Times launches of an op until the library is content.
template <class Op>
void time_op(benchmark::State& state, Context& context, const Op& op) {
  launch(context, op);
  for (auto _ : state) launch(context, op);
  report(state, op.cost());
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

struct LinearSetup {
  Context context;
  Dtype dtype;
  int64_t rows, in, out;
  Buffer w, x, y, dy, dx;
  std::unique_ptr<PackedWeight> forward, backward;
  explicit LinearSetup(const benchmark::State& state)
      : dtype(dtype_of_row(state)),
        rows(state.range(1)),
        in(state.range(2)),
        out(state.range(3)),
        w({out, in}, dtype, 0.05f),
        x({rows, in}, dtype),
        y({rows, out}, dtype),
        dy({rows, out}, dtype),
        dx({rows, in}, dtype) {
    forward = pack_weight(context.cpu, w.view(), WeightLayout::kOutIn, PackFor::kForward);
    backward = pack_weight(context.cpu, w.view(), WeightLayout::kOutIn, PackFor::kBackward);
  }
};

void linear_fwd(benchmark::State& state) {
  LinearSetup s(state);
  time_op(state, s.context, LinearFwd{.x = s.x.view(), .w = {.packed = s.forward.get()}, .y = s.y.view()});
}

void linear_bwd(benchmark::State& state) {
  LinearSetup s(state);
  time_op(state, s.context,
          LinearBwd{.dy = s.dy.view(), .w = {.packed = s.backward.get()}, .dx = {s.dx.view(), GradMode::kWrite}});
}

void linear_weight_grad(benchmark::State& state) {
  LinearSetup s(state);
  Buffer dw({s.out, s.in}, Dtype::f32);
  time_op(state, s.context, LinearWeightGrad{.dy = s.dy.view(), .x = s.x.view(), .dw = {dw.view(), GradMode::kAdd}});
}

/// dtype, rows, in, out, rank, dropout in percent
struct LoraSetup : LinearSetup {
  int64_t rank;
  Buffer a, b, u, da, db;
  LoraLinearFwd fwd;
  LoraLinearBwd bwd;
  explicit LoraSetup(const benchmark::State& state)
      : LinearSetup(state),
        rank(state.range(4)),
        a({rank, in}, Dtype::f32, 0.05f),
        b({out, rank}, Dtype::f32, 0.05f),
        u({rows, rank}, dtype),
        da({rank, in}, Dtype::f32),
        db({out, rank}, Dtype::f32) {
    const Dropout dropout{.p = static_cast<float>(state.range(5)) / 100.0f, .seed = 1, .module = 2};
    fwd = {.x = x.view(),
           .w = {.packed = forward.get()},
           .a = a.view(),
           .b = b.view(),
           .y = y.view(),
           .u = u.view(),
           .scale = 2,
           .dropout = dropout};
    bwd = {.dy = dy.view(),
           .x = x.view(),
           .w = {.packed = backward.get()},
           .a = a.view(),
           .b = b.view(),
           .u = u.view(),
           .dx = {dx.view(), GradMode::kWrite},
           .da = {da.view(), GradMode::kWrite},
           .db = {db.view(), GradMode::kWrite},
           .scale = 2,
           .dropout = dropout};
  }
};

void lora_fwd(benchmark::State& state) {
  LoraSetup s(state);
  time_op(state, s.context, s.fwd);
}

void lora_bwd(benchmark::State& state) {
  LoraSetup s(state);
  launch(s.context, s.fwd);
  time_op(state, s.context, s.bwd);
}

/// One iteration is forward and backward with the adapter; the counter "over bare" is its time over that of the two
/// bare GEMMs, both timed in turn.
void lora_over_bare(benchmark::State& state) {
  LoraSetup s(state);
  const LinearFwd fwd{.x = s.x.view(), .w = {.packed = s.forward.get()}, .y = s.y.view()};
  const LinearBwd bwd{.dy = s.dy.view(), .w = {.packed = s.backward.get()}, .dx = {s.dx.view(), GradMode::kWrite}};
  std::vector<double> lora, bare;
  auto timed = [](std::vector<double>& into, auto&& fn) {
    const auto start = std::chrono::steady_clock::now();
    fn();
    into.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  };
  for (auto _ : state) {
    timed(lora, [&] { launch(s.context, s.fwd), launch(s.context, s.bwd); });
    state.PauseTiming();
    timed(bare, [&] { launch(s.context, fwd), launch(s.context, bwd); });
    state.ResumeTiming();
  }
  auto median = [](std::vector<double>& v) {
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
    return v[v.size() / 2];
  };
  state.counters["over bare"] = median(lora) / median(bare);
}

/// dtype, labelled rows, width, vocabulary, gradients: 0 none, 1 dhidden, 2 dhidden and dw
void head_loss(benchmark::State& state) {
  LinearSetup s(state);
  Buffer losses({s.rows}, Dtype::f32), dw(state.range(4) == 2 ? Shape{s.out, s.in} : Shape{1}, Dtype::f32),
      loss_scale({1}, Dtype::f32);
  std::vector<int32_t> rows(static_cast<size_t>(s.rows)), targets(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i] = static_cast<int32_t>(i);
    targets[i] = static_cast<int32_t>(i * 47 % static_cast<size_t>(s.out));
  }
  *loss_scale.view().as<float>() = 1.0f / static_cast<float>(s.rows);
  HeadLoss op{.hidden = s.x.view(),
              .weight = {.packed = s.forward.get()},
              .weight_bwd = {.packed = s.backward.get()},
              .rows = {rows.data(), {s.rows}, Dtype::i32},
              .targets = {targets.data(), {s.rows}, Dtype::i32},
              .losses = losses.view(),
              .loss_scale = loss_scale.view()};
  if (state.range(4) > 0) op.dhidden = {s.dx.view(), GradMode::kWrite};
  if (state.range(4) > 1) op.dw = {dw.view(), GradMode::kWrite};
  time_op(state, s.context, op);
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

void layers(benchmark::internal::Benchmark* b) {
  for (int64_t dtype : {32, 16})
    for (auto [in, out] : {std::pair{576, 576}, {576, 1536}, {1536, 576}}) b->Args({dtype, 1024, in, out});
}

void lora_layers(benchmark::internal::Benchmark* b) {
  for (int64_t dtype : {32, 16})
    for (int64_t dropout : {0, 10}) b->Args({dtype, 1024, 576, 1536, 16, dropout});
}

void heads(benchmark::internal::Benchmark* b) {
  for (int64_t dtype : {32, 16})
    for (int64_t grads : {0, 1, 2}) b->Args({dtype, 1024, 576, 49152, grads});
}

BENCHMARK(gemm_rows)->Apply(gemm_shapes)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(linear_fwd)->Apply(layers)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(linear_bwd)->Apply(layers)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(linear_weight_grad)->Apply(layers)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(lora_fwd)->Apply(lora_layers)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(lora_bwd)->Apply(lora_layers)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(lora_over_bare)->Apply(lora_layers)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(head_loss)->Apply(heads)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lorica

BENCHMARK_MAIN();
