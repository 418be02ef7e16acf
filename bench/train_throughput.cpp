// Tokens a second of LoRA training, and what share of the machine they are: packed batches of random tokens, every one
// labelled, on a model folder (lorica init makes one without weights to download). bench/README.md tells how to read
// it.
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "bench/measure.h"
#include "bench/training_cost.h"
#include "io/adapter/peft.h"
#include "io/formats/file_bytes.h"
#include "io/formats/safetensors_folder.h"
#include "io/formats/safetensors_write.h"
#include "kernels/philox.h"
#include "recipes/memory.h"
#include "recipes/setup.h"
#include "recipes/step_runner.h"
#include "recipes/value_types.h"

namespace lorica::bench {
namespace {

namespace fs = std::filesystem;

struct Options {
  fs::path model, batches, adapter, json;
  std::string device = "auto", attention = "auto", precision = "auto";
  std::vector<int64_t> lengths = {2048, 2048};
  int64_t accumulation = 4, rank = 16, warmup = 3, steps = 20;
  uint64_t seed = 1;
  double learning_rate = 2e-4, peak = 0;
  bool recompute = false, no_graphs = false;
};

struct Result {
  std::vector<double> seconds, losses, norms;  ///< of every step, the first ones too
  size_t memory = 0;
  double gemm_rate = 0;
};

/// Micro-batch `number`: its tokens are words of Philox under the seed, modulo the vocabulary.
Batch random_batch(const Options& options, int64_t number, int64_t vocabulary) {
  Batch batch;
  batch.cu_seqlens.push_back(0);
  for (const int64_t length : options.lengths) {
    for (int64_t i = 0; i < length; ++i) {
      const uint64_t t = batch.ids.size();
      const uint32_t word = philox(options.seed, static_cast<uint64_t>(number), t / 4)[t % 4];
      batch.ids.push_back(static_cast<int32_t>(word % static_cast<uint64_t>(vocabulary)));
      batch.positions.push_back(static_cast<int32_t>(i));
      if (i == 0) continue;
      batch.rows.push_back(static_cast<int32_t>(t) - 1);
      batch.targets.push_back(batch.ids.back());
    }
    batch.examples.push_back(static_cast<int64_t>(batch.examples.size()));
    batch.cu_seqlens.push_back(static_cast<int32_t>(batch.ids.size()));
  }
  return batch;
}

/// The token ids of all micro-batches, for other programs to train on.
void write_batches(const fs::path& path, const std::vector<Batch>& batches) {
  std::vector<int32_t> ids;
  for (const Batch& batch : batches) ids.insert(ids.end(), batch.ids.begin(), batch.ids.end());
  const auto count = static_cast<int64_t>(batches.size());
  const std::vector<int32_t>& offsets = batches.front().cu_seqlens;
  write_safetensors(
      path, {{.name = "ids", .view = In(ids.data(), {count, static_cast<int64_t>(ids.size()) / count}, Dtype::i32)},
             {.name = "cu_seqlens", .view = In(offsets.data(), {static_cast<int64_t>(offsets.size())}, Dtype::i32)}});
}

/// A model with a fresh adapter on its device, and the steps on it.
class Run {
 public:
  explicit Run(const Options& options)
      : options_(options),
        context_(open_device({.device = enum_named<DeviceChoice>(options.device).value(),
                              .attention = enum_named<AttentionKernel>(options.attention).value()})),
        dtype_(resolve_precision(enum_named<Precision>(options.precision).value(), context_.device)),
        lasting_(context_.memory()),
        passing_(context_.memory()),
        free_before_(context_.memory().free_bytes()) {
    const fs::path file = options.model / "config.json";
    const ModelConfig config = parse_model_config(read_file(file), file.string());
    model_ = Decoder::build(context_, {lasting_, passing_}, config,
                            {.weights = std::make_shared<SafetensorsFolder>(options.model), .dtype = dtype_});
    LoraOptions lora{.r = options.rank, .lora_alpha = 2.0 * static_cast<double>(options.rank), .seed = options.seed};
    attach_lora(*model_, lora);
    const int64_t count = (options.warmup + options.steps) * options.accumulation;
    for (int64_t i = 0; i < count; ++i) batches_.push_back(random_batch(options, i, model_->config().vocab_size));
    if (!options.batches.empty()) write_batches(options.batches, batches_);
    if (options.adapter.empty()) return;
    PeftConfig peft;
    peft.r = lora.r;
    peft.lora_alpha = lora.lora_alpha;
    peft.target_modules = linear_names(*model_);
    write_peft_adapter(options.adapter, *model_, peft);
  }

  Result train() {
    Result result;
    {
      Arena arena(context_.memory());  // gives its memory back before the run's own is counted
      result.gemm_rate = measured_gemm_rate(context_, arena, dtype_);
    }
    AdamWOptimizer optimizer(lasting_, model_->parameters(), {});
    StepRunner runner(*model_, optimizer,
                      {.micro_batch_tokens = tokens_a_batch(),
                       .max_tokens = *std::max_element(options_.lengths.begin(), options_.lengths.end()),
                       .recompute_blocks = options_.recompute,
                       .seed = options_.seed,
                       .graphs = !options_.no_graphs});
    const int64_t labelled = static_cast<int64_t>(batches_.front().rows.size()) * options_.accumulation;
    for (int64_t step = 0, next = 0; step < options_.warmup + options_.steps; ++step) {
      const double begin = seconds_now();
      for (int64_t i = 0; i < options_.accumulation; ++i, ++next)
        runner.accumulate(batches_[static_cast<size_t>(next)], 1.0f / static_cast<float>(labelled),
                          static_cast<uint64_t>(next));
      runner.update(options_.learning_rate);
      const StepRunner::Result done = runner.finish();
      result.seconds.push_back(seconds_now() - begin);
      result.losses.push_back(done.loss_sum / static_cast<double>(labelled));
      result.norms.push_back(done.norm);
    }
    const size_t free_after = context_.memory().free_bytes();
    result.memory = context_.device == Device::kCuda ? free_before_ - std::min(free_before_, free_after)
                                                     : static_cast<size_t>(peak_resident_bytes());
    return result;
  }

  int64_t tokens_a_batch() const {
    return std::accumulate(options_.lengths.begin(), options_.lengths.end(), int64_t{0});
  }
  TrainingCost cost() const { return lora_training_cost(*model_, options_.rank, options_.lengths); }
  const char* device() const { return context_.device == Device::kCuda ? "cuda" : "cpu"; }
  Dtype dtype() const { return dtype_; }

 private:
  const Options options_;
  Context context_;
  Dtype dtype_;
  Arena lasting_, passing_;
  size_t free_before_;
  std::unique_ptr<Decoder> model_;
  std::vector<Batch> batches_;
};

void report(const Options& options, const Run& run, const Result& result) {
  const std::vector<double> timed(result.seconds.begin() + options.warmup, result.seconds.end());
  const auto tokens = static_cast<double>(run.tokens_a_batch() * options.accumulation);
  const double total = std::accumulate(timed.begin(), timed.end(), 0.0);
  const double rate = tokens * static_cast<double>(timed.size()) / total;
  const double flops = run.cost().a_token() * rate;
  const std::vector<double> losses(
      result.losses.begin(), result.losses.begin() + std::min<int64_t>(20, static_cast<int64_t>(result.losses.size())));
  fmt::print("{}, {}, {}: {} tokens a micro-batch, {} micro-batches a step, rank {}\n", options.model.string(),
             run.device(), name_of(run.dtype()), run.tokens_a_batch(), options.accumulation, options.rank);
  fmt::print("{:.1f} tokens/s over {} steps after {} to warm up; a step {:.4f} s (p10 {:.4f}, p90 {:.4f})\n", rate,
             timed.size(), options.warmup, quantile(timed, 0.5), quantile(timed, 0.1), quantile(timed, 0.9));
  fmt::print("peak memory {:.3f} GB\n", static_cast<double>(result.memory) * 1e-9);
  fmt::print("{:.4f} GFLOP a token by the 4N rule: {:.3f} TFLOP/s, {:.1f} % of the {:.2f} that a large product reaches",
             run.cost().a_token() * 1e-9, flops * 1e-12, 100 * flops / result.gemm_rate, result.gemm_rate * 1e-12);
  if (options.peak > 0) fmt::print(", {:.1f} % of {:.0f}", 100 * flops / (options.peak * 1e12), options.peak);
  fmt::print("\nlosses {:.5f}\n", fmt::join(losses, " "));
  if (options.json.empty()) return;
  const nlohmann::ordered_json json{{"device", run.device()},
                                    {"precision", name_of(run.dtype())},
                                    {"tokens_a_step", tokens},
                                    {"warmup", options.warmup},
                                    {"seconds", result.seconds},
                                    {"tokens_per_second", rate},
                                    {"peak_memory_bytes", result.memory},
                                    {"flops_a_token", run.cost().a_token()},
                                    {"gemm_flops_per_second", result.gemm_rate},
                                    {"losses", result.losses},
                                    {"gradient_norms", result.norms}};
  write_file_atomically(options.json, json.dump(1) + "\n");
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("MODEL_DIR", options.model, "model folder; no tokenizer is needed")->required();
  app.add_option("--device", options.device)->check(CLI::IsMember({"cpu", "cuda", "auto"}))->capture_default_str();
  app.add_option("--attention", options.attention, "kernels of attention on a GPU")
      ->check(CLI::IsMember(names_of<AttentionKernel>()))
      ->capture_default_str();
  app.add_option("--precision", options.precision)
      ->check(CLI::IsMember({"f32", "bf16", "auto"}))
      ->capture_default_str();
  app.add_option("--lengths", options.lengths, "documents of a micro-batch, in tokens")
      ->delimiter(',')
      ->check(CLI::Range(int64_t{2}, int64_t{1} << 24))
      ->capture_default_str();
  const auto count = [&](const char* name, int64_t& value, int64_t least, const char* help) {
    app.add_option(name, value, help)->check(CLI::Range(least, int64_t{1} << 20))->capture_default_str();
  };
  count("--accumulation", options.accumulation, 1, "micro-batches of a step");
  count("--rank", options.rank, 1, "of the adapters on every linear layer but the head");
  count("--warmup", options.warmup, 0, "steps that are not timed");
  count("--steps", options.steps, 1, "steps that are");
  app.add_option("--seed", options.seed, "of tokens and adapters")->capture_default_str();
  app.add_option("--learning-rate", options.learning_rate)->capture_default_str();
  app.add_option("--peak", options.peak, "TFLOP/s of the data sheet, to give a share of it too");
  app.add_flag("--recompute", options.recompute, "gradient checkpointing");
  app.add_flag("--no-graphs", options.no_graphs, "launch each kernel by itself");
  app.add_option("--write-batches", options.batches, "safetensors file for the token ids");
  app.add_option("--write-adapter", options.adapter, "PEFT folder for the adapter as it is before the first step");
  app.add_option("--json", options.json, "file for the figures");
}

int fail(const char* message, int code) {
  std::fflush(stdout);
  std::fprintf(stderr, "train_throughput: %s\n", message);
  return code;
}

}  // namespace
}  // namespace lorica::bench

int main(int argc, char** argv) {
  using namespace lorica;
  bench::Options options;
  CLI::App app{"Tokens a second of LoRA training on random tokens"};
  bench::add_options(app, options);
  try {
    app.parse(argc, argv);
    bench::Run run(options);
    bench::report(options, run, run.train());
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const RunError& error) {
    return bench::fail(error.what(), 1);
  } catch (const std::exception& error) {
    return bench::fail(error.what(), 2);
  }
}
