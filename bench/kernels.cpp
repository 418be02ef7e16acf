// Every op at the shapes of real models, on the CPU or a GPU: the result is compared with the CPU's on a short input,
// then the op is timed on inputs that no cache holds, and its rates stand beside what a copy and a large product reach.
// A markdown table on stdout; exit 1 when a result is wrong. bench/README.md tells how to read it.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "bench/cases.h"
#include "bench/event_timer.h"

namespace lorica::bench {
namespace {

constexpr int64_t kCheckedTokens = 129;
constexpr int64_t kSets = 64;  ///< of inputs at most

struct Options {
  std::string device = "cpu", filter, dtype = "all";
  int64_t tokens = 0;
  double seconds = 0.3;
};

struct Peaks {
  double copy = 0, product_f32 = 0, product_bf16 = 0;
};

template <class T>
std::vector<float> widened(const Tensor& tensor) {
  const std::vector<T> values = to_host<T>(tensor);
  std::vector<float> wide;
  for (const T& value : values) wide.push_back(static_cast<float>(value));
  return wide;
}

std::vector<float> values_of(const Tensor& tensor) {
  if (tensor.dtype() == Dtype::f64) return widened<double>(tensor);
  if (tensor.dtype() == Dtype::i32) return widened<int32_t>(tensor);
  return tensor.dtype() == Dtype::f32 ? to_host<float>(tensor) : widened<bf16>(tensor);
}

/// The largest difference, as a share of the largest value; infinite where a value is not finite or all are zero.
double difference(const Tensor& got, const Tensor& expected) {
  const std::vector<float> a = values_of(got), b = values_of(expected);
  float worst = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i])) return INFINITY;
    worst = std::max(worst, std::abs(a[i] - b[i]));
    largest = std::max(largest, std::abs(b[i]));
  }
  return largest > 0 ? static_cast<double>(worst / largest) : INFINITY;
}

/// The worst difference to the CPU over all results of the case.
double compared_with_cpu(Context& context, const Case& row, Dtype dtype) {
  Context cpu;
  Arena here(context.memory()), there;
  const int64_t tokens = row.tokens > 0 ? std::min(row.tokens, kCheckedTokens) : kCheckedTokens;
  Setup got(context, here), expected(cpu, there);
  row.build(got, dtype, tokens);
  row.build(expected, dtype, tokens);
  got.run();
  expected.run();
  double worst = 0;
  for (size_t i = 0; i < got.results().size(); ++i)
    worst = std::max(worst, difference(got.results()[i], expected.results()[i]));
  return worst;
}

std::vector<double> call_times(Context& context, const std::vector<std::unique_ptr<Setup>>& sets, double seconds) {
  const auto call = [&](size_t i) { sets[i % sets.size()]->run(); };
  const Tensor& any = sets.front()->results().front();
  for (size_t i = 0; i < sets.size(); ++i) call(i);
  finish(context, any);
  const double begin = seconds_now();
  call(0);
  finish(context, any);
  const double once = std::max(seconds_now() - begin, 1e-7);
  const auto calls = static_cast<size_t>(std::clamp(seconds / once, 5.0, 512.0));
  if (context.device == Device::kCuda) return event_times(context, calls, call);
  std::vector<double> times;
  for (size_t i = 0; i < calls; ++i) {
    const double start = seconds_now();
    call(i);
    times.push_back(seconds_now() - start);
  }
  return times;
}

/// As many copies of the inputs as no cache holds.
std::vector<std::unique_ptr<Setup>> rotated_sets(Context& context, Arena& arena, const Case& row, Dtype dtype,
                                                 int64_t tokens) {
  const int64_t beyond_cache = int64_t{context.device == Device::kCuda ? 256 : 96} << 20;
  std::vector<std::unique_ptr<Setup>> sets;
  int64_t bytes = 0;
  do {
    sets.push_back(std::make_unique<Setup>(context, arena));
    row.build(*sets.back(), dtype, tokens);
    bytes += sets.back()->bytes();
  } while (bytes < beyond_cache && static_cast<int64_t>(sets.size()) < kSets);
  return sets;
}

class Table {
 public:
  Table(Context& context, const Options& options, const Peaks& peaks)
      : context_(context), options_(options), peaks_(peaks) {
    fmt::print(
        "| op | model | shape | tokens | dtype | error | median us | p10 | p90 | GB/s | of copy | TFLOP/s | of "
        "product |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  }

  void add(const Case& row, Dtype dtype) {
    const int64_t tokens = row.tokens > 0 ? row.tokens : options_.tokens;
    const std::string head =
        fmt::format("| {} | {} | {} | {} | {} |", row.op, row.model, row.shape, tokens, name_of(dtype));
    try {
      if (const std::string why = left_out(row, dtype, tokens); !why.empty()) {
        fmt::print("{} | {} | | | | | | |\n", head, why);
        return;
      }
      const double error = compared_with_cpu(context_, row, dtype);
      const bool wrong = !(error <= (dtype == Dtype::bf16 ? 0.02 : 1e-4));
      any_wrong_ |= wrong;
      if (wrong)
        fmt::print("{} {:.1e} | WRONG | | | | | | |\n", head, error);
      else
        time(row, dtype, tokens, fmt::format("{} {:.1e} |", head, error));
    } catch (const RunError& failed) {
      any_wrong_ = true;
      fmt::print("{} | {} | | | | | | |\n", head, failed.what());
    }
    std::fflush(stdout);
  }
  bool any_wrong() const { return any_wrong_; }

 private:
  /// Why a row about a library cannot be filled; empty where it can. Sets the kernels of attention.
  std::string left_out(const Case& row, Dtype dtype, int64_t tokens) {
    if (!context_.cuda) return "";
    try {
      set_attention_kernel(*context_.cuda, row.attention);
    } catch (const RunError&) {
      throw;
    } catch (const Error& absent) {
      return absent.what();
    }
    if (row.attention != AttentionKernel::kCudnn) return "";
    Arena arena(context_.memory());
    Setup setup(context_, arena);
    row.build(setup, dtype, tokens);
    return setup.by_library() ? "" : "cuDNN does not take it";
  }

  void time(const Case& row, Dtype dtype, int64_t tokens, const std::string& head) {
    Arena arena(context_.memory());
    const auto sets = rotated_sets(context_, arena, row, dtype, tokens);
    const std::vector<double> times = call_times(context_, sets, options_.seconds);
    const double median = quantile(times, 0.5);
    const Cost& cost = sets.front()->cost();
    const double product = dtype == Dtype::f32 ? peaks_.product_f32 : peaks_.product_bf16;
    fmt::print("{} {:.1f} | {:.1f} | {:.1f} | {:.1f} | {:.0f} % | {:.3f} | {:.0f} % |\n", head, median * 1e6,
               quantile(times, 0.1) * 1e6, quantile(times, 0.9) * 1e6, cost.bytes / median * 1e-9,
               100 * cost.bytes / median / peaks_.copy, cost.flops / median * 1e-12,
               100 * cost.flops / median / product);
  }

  Context& context_;
  const Options& options_;
  const Peaks peaks_;
  bool any_wrong_ = false;
};

std::vector<Case> all_cases(bool on_gpu) {
  std::vector<Case> cases;
  for (const ModelShape& model : model_shapes()) {
    add_row_cases(cases, model);
    add_product_cases(cases, model);
    add_optimizer_cases(cases, model);
  }
  // 16,384 tokens in all, as published figures have it; a CPU would take minutes a row
  for (const int64_t length : {int64_t{2048}, int64_t{4096}, int64_t{16384}})
    if (on_gpu || length == 2048) add_attention_cases(cases, length, on_gpu ? 16384 : 2048, on_gpu);
  return cases;
}

bool wanted(const Case& row, Dtype dtype, const Options& options) {
  if (options.dtype != "all" && options.dtype != name_of(dtype)) return false;
  const std::string name = row.op + " " + row.model;
  return options.filter.empty() || name.find(options.filter) != std::string::npos;
}

int run(Options options) {
  Context context(options.device == "cuda" ? Device::kCuda : Device::kCpu);
  const bool on_gpu = context.device == Device::kCuda;
  if (options.tokens == 0) options.tokens = on_gpu ? 4096 : 1024;
  Peaks peaks;
  {
    Arena arena(context.memory());
    peaks = {.copy = measured_copy_rate(context, arena),
             .product_f32 = measured_gemm_rate(context, arena, Dtype::f32),
             .product_bf16 = measured_gemm_rate(context, arena, Dtype::bf16)};
  }
  fmt::print("Copy {:.0f} GB/s (read and written); large product {:.2f} TFLOP/s in f32, {:.2f} in bf16.\n\n",
             peaks.copy * 1e-9, peaks.product_f32 * 1e-12, peaks.product_bf16 * 1e-12);
  Table table(context, options, peaks);
  for (const Case& row : all_cases(on_gpu))
    for (const Dtype dtype : row.dtypes)
      if (wanted(row, dtype, options)) table.add(row, dtype);
  return table.any_wrong() ? 1 : 0;
}

int fail(const char* message) {
  std::fflush(stdout);
  std::fprintf(stderr, "bench_kernels: %s\n", message);
  return 2;
}

}  // namespace
}  // namespace lorica::bench

int main(int argc, char** argv) {
  lorica::bench::Options options;
  CLI::App app{"Times every op at the shapes of real models"};
  app.add_option("--device", options.device)->check(CLI::IsMember({"cpu", "cuda"}))->capture_default_str();
  app.add_option("--filter", options.filter, "rows whose \"op model\" contains this");
  app.add_option("--dtype", options.dtype)->check(CLI::IsMember({"f32", "bf16", "all"}))->capture_default_str();
  app.add_option("--tokens", options.tokens, "of a row (default: 4096 on a GPU, 1024 on the CPU)")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--seconds", options.seconds, "to time a row for")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return lorica::bench::run(options);
  } catch (const std::exception& error) {
    return lorica::bench::fail(error.what());
  }
}
