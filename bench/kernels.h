#pragma once
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "kernels/context.h"

// What the benchmarks of ops share: bench_kernels gets its rows from several files.
namespace lorica::bench {

/// A tensor of its own memory, f32 or bf16, of normal values (the same for the same seed), or zeros for seed 0.
class Data {
 public:
  Data(Shape shape, Dtype dtype, uint64_t seed = 0, float spread = 1) : shape_(shape), dtype_(dtype) {
    const size_t n = static_cast<size_t>(shape.elements());
    memory_.resize(n * size_of(dtype));
    if (seed == 0) return;
    std::mt19937_64 generator(seed);
    std::normal_distribution<float> normal(0, spread);
    for (size_t i = 0; i < n; ++i) set(i, normal(generator));
  }
  explicit Data(const std::vector<int32_t>& values) : Data({static_cast<int64_t>(values.size())}, Dtype::i32) {
    std::copy(values.begin(), values.end(), reinterpret_cast<int32_t*>(memory_.data()));
  }
  In in() const { return {memory_.data(), shape_, dtype_}; }
  Out out() { return {memory_.data(), shape_, dtype_}; }
  GradOut grad(GradMode mode = GradMode::kWrite) { return {out(), mode}; }
  double get(size_t i) const {
    if (dtype_ == Dtype::f32) return reinterpret_cast<const float*>(memory_.data())[i];
    return static_cast<float>(reinterpret_cast<const bf16*>(memory_.data())[i]);
  }
  void set(size_t i, float value) {
    if (dtype_ == Dtype::f32)
      reinterpret_cast<float*>(memory_.data())[i] = value;
    else
      reinterpret_cast<bf16*>(memory_.data())[i] = bf16(value);
  }

 private:
  Shape shape_;
  Dtype dtype_;
  std::vector<unsigned char> memory_;
};

/// Within 1.5 per cent of the scale, which bf16 needs: a plain expectation; the tests measure accuracy.
inline bool near(double got, double expected, double scale = 1) {
  const double error = got - expected;
  return (error < 0 ? -error : error) <= 0.015 * scale;
}

/// Runs the op once, asks `right` about the result, then times it and reports GB/s and GFLOP/s from op.cost().
template <class Op, class Right>
void time_op(benchmark::State& state, const Op& op, Right&& right) {
  Context context;
  launch(context, op);
  if (!right()) return state.SkipWithError("wrong result");
  for (auto _ : state) {
    launch(context, op);
    benchmark::ClobberMemory();
  }
  const Cost cost = op.cost();
  const auto rate = [&](double each) {
    return benchmark::Counter(each * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  };
  state.counters["GB"] = rate(cost.bytes);
  if (cost.flops > 0) state.counters["GFLOP"] = rate(cost.flops);
}

/// Registers the benchmark once for f32 and once for bf16; the argument of `body` is the dtype.
template <class Body>
void add_rows(const std::string& name, Body body) {
  for (Dtype dtype : {Dtype::f32, Dtype::bf16})
    benchmark::RegisterBenchmark((name + "/" + std::string(name_of(dtype))).c_str(),
                                 [=](benchmark::State& state) { body(state, dtype); })
        ->Unit(benchmark::kMicrosecond)
        ->UseRealTime();
}

}  // namespace lorica::bench
