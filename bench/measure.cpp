#include "bench/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "kernels/ops/elementwise.h"
#include "kernels/ops/linear.h"

namespace lorica::bench {
namespace {

/// The shortest of several runs of `work`, each long enough for the clock, in seconds a call.
double best_time(Context& context, const Tensor& any, const std::function<void()>& work) {
  constexpr int kRuns = 5;
  work();
  finish(context, any);
  double begin = seconds_now();
  work();
  finish(context, any);
  const double once = std::max(seconds_now() - begin, 1e-7);
  const int calls = std::clamp(static_cast<int>(0.05 / once), 1, 1000);
  double best = once;
  for (int run = 0; run < kRuns; ++run) {
    begin = seconds_now();
    for (int i = 0; i < calls; ++i) work();
    finish(context, any);
    best = std::min(best, (seconds_now() - begin) / calls);
  }
  return best;
}

}  // namespace

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void finish(Context& context, const Tensor& any) {
  char byte = 0;
  context.memory().copy_out(&byte, any.in().data, 1);
}

Tensor random_tensor(Arena& arena, Shape shape, Dtype dtype, uint64_t seed, float spread) {
  Tensor result(arena, shape, dtype);
  constexpr size_t kPiece = 262139;  // a prime: rows of no width repeat early
  const auto count = static_cast<size_t>(result.elements()), piece = std::min(count, kPiece);
  std::mt19937_64 generator(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> wide(piece);
  for (float& value : wide) value = normal(generator);
  const std::vector<bf16> narrow(wide.begin(), wide.end());
  const auto* from = dtype == Dtype::f32 ? static_cast<const void*>(wide.data()) : narrow.data();
  for (size_t at = 0; at < count; at += piece)
    arena.memory().copy_in(static_cast<char*>(result.out().data) + at * size_of(dtype), from,
                           std::min(piece, count - at) * size_of(dtype));
  return result;
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - std::floor(place)) * (values[above] - values[below]);
}

double measured_copy_rate(Context& context, Arena& arena) {
  const int64_t elements = (context.device == Device::kCuda ? int64_t{1} << 30 : int64_t{1} << 28) / 4;
  const Tensor from = random_tensor(arena, {elements}, Dtype::f32, 1), to(arena, {elements}, Dtype::f32);
  return 2 * static_cast<double>(from.bytes()) / best_time(context, to, [&] { to.copy(from); });
}

double measured_gemm_rate(Context& context, Arena& arena, Dtype dtype) {
  const int64_t n = context.device == Device::kCuda ? 8192 : 2048;
  const Tensor x = random_tensor(arena, {n, n}, dtype, 1), w = random_tensor(arena, {n, n}, dtype, 2);
  const Tensor y(arena, {n, n}, dtype);
  const LinearFwd product{.x = x, .w = {.w = w}, .y = y};
  return product.cost().flops / best_time(context, y, [&] { launch(context, product); });
}

}  // namespace lorica::bench
