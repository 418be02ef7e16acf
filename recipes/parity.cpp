#include "recipes/parity.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/convert.h"
#include "io/formats/file_bytes.h"
#include "io/formats/safetensors.h"
#include "optim/adamw.h"
#include "recipes/micro_step.h"
#include "recipes/session.h"
#include "recipes/setup.h"
#include "recipes/step_runner.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;

double largest_magnitude(std::span<const float> values) {
  double largest = 0;
  for (const float value : values) largest = std::max(largest, std::abs(static_cast<double>(value)));
  return largest;
}

/// The largest error of a tensor relative to its largest magnitude, elements with `left_out[i]` apart.
double relative_error(std::span<const float> got, std::span<const float> want, const std::vector<bool>& left_out = {}) {
  double worst = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    const double error = std::abs(static_cast<double>(got[i]) - static_cast<double>(want[i]));
    if (!std::isfinite(error)) return HUGE_VAL;
    if (left_out.empty() || !left_out[i]) worst = std::max(worst, error);
  }
  const double largest = largest_magnitude(want);
  return largest > 0 ? worst / largest : worst;
}

class Golden {
 public:
  explicit Golden(const fs::path& path) : file_(path) {}

  bool has(const std::string& name) const { return file_.find(name) != nullptr; }
  const std::string& origin() const { return file_.origin(); }
  std::vector<std::string> names_under(const std::string& prefix) const {
    std::vector<std::string> names;
    for (const SafetensorsEntry& entry : file_.entries())
      if (entry.name.starts_with(prefix)) names.push_back(entry.name);
    return names;
  }
  std::vector<float> floats(const std::string& name) const {
    const In view = file_.tensor(name);
    std::vector<float> values(static_cast<size_t>(view.elements()));
    convert_floats(view, {values.data(), view.shape, Dtype::f32}, file_.origin() + ": tensor '" + name + "'");
    return values;
  }
  /// Integers of that many dimensions; `columns` is set to the last one.
  std::vector<int64_t> integers(const std::string& name, int64_t& columns, int rank = 2) const {
    const In view = file_.tensor(name);
    if (view.shape.rank() != rank || view.dtype != Dtype::i64)
      throw Error("{}: tensor '{}': expected i64 of {} dimension{}, got {} {}", origin(), name, rank,
                  rank == 1 ? "" : "s", name_of(view.dtype), view.shape.text());
    columns = view.shape[-1];
    return {view.as<int64_t>(), view.as<int64_t>() + view.elements()};
  }

 private:
  SafetensorsFile file_;
};

/// Rows of input_ids as documents; tokens that attention_mask leaves out are not in them.
Batch golden_documents(const Golden& golden, const ModelConfig& config, const std::vector<int64_t>& ids, size_t width) {
  int64_t mask_columns = 0;
  std::vector<int64_t> mask(ids.size(), 1);
  if (golden.has("attention_mask")) mask = golden.integers("attention_mask", mask_columns);
  if (mask.size() != ids.size()) throw Error("{}: input_ids and attention_mask differ in shape", golden.origin());
  Batch batch;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i % width == 0) batch.cu_seqlens.push_back(static_cast<int32_t>(batch.ids.size()));
    if (mask[i] == 0) continue;
    if (ids[i] < 0 || ids[i] >= config.vocab_size)
      throw Error("{}: input_ids: {} is outside the model's vocabulary of {}", golden.origin(), ids[i],
                  config.vocab_size);
    batch.positions.push_back(static_cast<int32_t>(batch.ids.size()) - batch.cu_seqlens.back());
    batch.ids.push_back(static_cast<int32_t>(ids[i]));
  }
  batch.cu_seqlens.push_back(static_cast<int32_t>(batch.ids.size()));
  return batch;
}

/// A language model's labels are those of Transformers: -100 is not trained, shifted by one. A classifier has one a
/// row, which belongs to the row's last token.
Batch golden_batch(const Golden& golden, const ModelConfig& config) {
  int64_t columns = 0, label_columns = 0;
  const std::vector<int64_t> ids = golden.integers("input_ids", columns);
  const auto width = static_cast<size_t>(columns);
  Batch batch = golden_documents(golden, config, ids, width);
  if (config.classes() > 0) {
    const std::vector<int64_t> labels = golden.integers("labels", label_columns, 1);
    if (labels.size() * width != ids.size())
      throw Error("{}: labels: expected one a row of input_ids", golden.origin());
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] < 0 || labels[i] >= config.classes())
        throw Error("{}: labels: {} is none of the model's {} classes", golden.origin(), labels[i], config.classes());
      batch.rows.push_back(batch.cu_seqlens[i + 1] - 1);
      batch.targets.push_back(static_cast<int32_t>(labels[i]));
    }
    return batch;
  }
  const std::vector<int64_t> labels = golden.integers("labels", label_columns);
  if (labels.size() != ids.size() || columns != label_columns)
    throw Error("{}: input_ids and labels differ in shape", golden.origin());
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i % width == 0 || labels[i] == -100) continue;
    batch.rows.push_back(static_cast<int32_t>(i) - 1);
    batch.targets.push_back(static_cast<int32_t>(labels[i]));
  }
  return batch;
}

/// One run of all groups; collects the verdict and prints as it goes.
class Parity {
 public:
  Parity(const ParityOptions& options, std::FILE* out)
      : options_(options),
        out_(out),
        golden_(options.golden),
        config_(parse_model_config(read_file(options.model / "config.json"), (options.model / "config.json").string())),
        batch_(golden_batch(golden_, config_)) {}

  bool run();

 private:
  struct Instance {
    explicit Instance(const DeviceOptions& on)
        : context(open_device(on)), lasting(context.memory()), passing(context.memory()) {}
    Context context;
    Arena lasting, passing;
    std::unique_ptr<Decoder> model;
  };

  std::unique_ptr<Instance> build(bool train_base, bool with_adapter) const;
  void report(const std::string& group, size_t count, double error, const std::string& worst);
  void skip(const std::string& group, const std::string& why) const;
  void compare_one(const std::string& name, const std::function<std::vector<float>()>& got);
  /// All tensors "prefix + name"; values(name) gives this engine's, or null where it has none. `trained` ones were
  /// moved by AdamW: their undirected() elements are left out and counted.
  void compare_all(const std::string& prefix, const std::function<const Tensor*(const std::string&)>& value,
                   bool trained = false);
  std::vector<bool> undirected(const std::string& name, size_t elements) const;

  std::vector<float> logits(Decoder& model) const;
  double step(Decoder& model) const;
  void compare_greedy(Decoder& model);
  void compare_training(Instance& instance);
  ParityTraining training() const;

  const ParityOptions& options_;
  std::FILE* out_;
  Golden golden_;
  ModelConfig config_;
  Batch batch_;
  bool good_ = true, compared_ = false;
};

std::unique_ptr<Parity::Instance> Parity::build(bool train_base, bool with_adapter) const {
  auto instance = std::make_unique<Instance>(options_.on);
  const ModelParts parts = open_model(options_.model, with_adapter ? options_.adapter : fs::path());
  const BuildOptions build{.weights = parts.weights,
                           .dtype = resolve_precision(options_.precision, instance->context.device),
                           .trained = train_base,
                           .train_head = parts.adapter && parts.adapter->head()};
  instance->model = Decoder::build(instance->context, {instance->lasting, instance->passing}, parts.config, build);
  if (parts.adapter) parts.adapter->attach_to(*instance->model);
  return instance;
}

void Parity::report(const std::string& group, size_t count, double error, const std::string& worst) {
  const bool good = error <= options_.tolerance;
  good_ = good_ && good;
  compared_ = true;
  fmt::print(out_, "{:<24} {:>4} tensor{}  largest error {:.2e}  {}{}\n", group, count, count == 1 ? " " : "s", error,
             good ? "ok" : "ABOVE TOLERANCE", worst.empty() ? "" : "  (" + worst + ")");
}

void Parity::skip(const std::string& group, const std::string& why) const {
  fmt::print(out_, "{:<24} skipped: {}\n", group, why);
}

void Parity::compare_one(const std::string& name, const std::function<std::vector<float>()>& got) {
  if (!golden_.has(name)) return skip(name, "not in the file");
  const std::vector<float> want = golden_.floats(name), values = got();
  if (want.size() != values.size())
    throw Error("{}: {}: {} values for the {} of this model", golden_.origin(), name, want.size(), values.size());
  report(name, 1, relative_error(values, want), "");
}

/// Elements whose recorded gradient is not zero, but closer to it than f32 rounding can tell: AdamW divides a gradient
/// by its own size, so rounding decides how far such an element moves. None where the file has no gradients.
std::vector<bool> Parity::undirected(const std::string& name, size_t elements) const {
  constexpr double kRounding = 1e-5;  // of the tensor's largest; gradients of the goldens differ by up to 2e-6
  std::vector<bool> result(elements);
  if (!golden_.has("lora.grad." + name)) return result;
  const std::vector<float> gradient = golden_.floats("lora.grad." + name);
  if (gradient.size() != elements) return result;  // compared, and refused, in its own group
  const double limit = kRounding * largest_magnitude(gradient);
  for (size_t i = 0; i < elements; ++i) result[i] = gradient[i] != 0 && std::abs(gradient[i]) < limit;
  return result;
}

void Parity::compare_all(const std::string& prefix, const std::function<const Tensor*(const std::string&)>& value,
                         bool trained) {
  double worst = 0;
  int64_t left_out = 0;
  std::string worst_name;
  const std::vector<std::string> names = golden_.names_under(prefix);
  if (names.empty()) return skip(prefix + "*", "not in the file");
  for (const std::string& name : names) {
    const Tensor* tensor = value(name.substr(prefix.size()));
    if (!tensor) throw Error("{}: {}: this model has no such parameter", golden_.origin(), name);
    const std::vector<float> want = golden_.floats(name);
    if (want.size() != static_cast<size_t>(tensor->elements()))
      throw Error("{}: {}: {} values for the {} of this model", golden_.origin(), name, want.size(),
                  tensor->elements());
    const std::vector<bool> apart = trained ? undirected(name.substr(prefix.size()), want.size()) : std::vector<bool>();
    left_out += std::count(apart.begin(), apart.end(), true);
    const double error = relative_error(to_host<float>(*tensor), want, apart);
    if (error >= worst) worst = error, worst_name = name.substr(prefix.size());
  }
  report(prefix + "*", names.size(), worst, worst_name);
  if (left_out > 0)
    fmt::print(out_, "{:<24} {} element{} left out: rounding decides how far AdamW moves {}\n", "", left_out,
               left_out == 1 ? "" : "s", left_out == 1 ? "it" : "them");
}

std::vector<float> Parity::logits(Decoder& model) const {
  Tape tape(model.context(), model.arena(), false);
  const TokenBatch tokens = TokenBatch::of(model.arena(), batch_.ids, batch_.positions, batch_.cu_seqlens);
  std::vector<int32_t> rows = batch_.rows;  // a classifier has logits for its labelled tokens alone
  if (config_.classes() == 0) {
    rows.resize(batch_.ids.size());
    std::iota(rows.begin(), rows.end(), 0);
  }
  return to_host<float>(model.logits(tape, model.hidden(tape, tokens).value, rows));
}

/// Loss of the batch; its gradients are in the parameters.
double Parity::step(Decoder& model) const {
  MicroStepOptions options;
  const auto trained = static_cast<double>(batch_.rows.size());
  options.loss_scale = static_cast<float>(1.0 / trained);
  return sum_of(forward_backward(model, batch_, options)) / trained;
}

void Parity::compare_greedy(Decoder& model) {
  if (config_.classes() > 0) return skip("greedy_ids", "a classifier writes nothing");
  if (!golden_.has("greedy_ids")) return skip("greedy_ids", "not in the file");
  int64_t columns = 0, width = 0;
  const std::vector<int64_t> want = golden_.integers("greedy_ids", columns), ids = golden_.integers("input_ids", width);
  // The prompt is what both have in common from the start; the reference continued it.
  size_t prompt = 0;
  while (prompt < want.size() && prompt < 5 && want[prompt] == ids[prompt]) ++prompt;
  KvCache cache(model.arena(), config_, model.dtype(), 1, columns);
  std::vector<int32_t> fresh(want.begin(), want.begin() + static_cast<std::ptrdiff_t>(prompt));
  size_t equal = prompt;
  while (equal < want.size()) {
    const std::vector<float> row =
        to_host<float>(model.step(cache, fresh, std::vector<int32_t>{0, static_cast<int32_t>(fresh.size())}));
    fresh = {static_cast<int32_t>(std::max_element(row.begin(), row.end()) - row.begin())};
    if (fresh[0] != want[equal]) break;
    ++equal;
  }
  const bool good = equal == want.size();
  good_ = good_ && good;
  fmt::print(out_, "{:<24} {} of {} new tokens equal  {}\n", "greedy_ids", equal - prompt, want.size() - prompt,
             good ? "ok" : "DIFFERENT");
}

ParityTraining Parity::training() const {
  if (options_.training) return *options_.training;
  ParityTraining result;
  const fs::path path = options_.golden.parent_path() / "about.json";
  if (!fs::exists(path)) return result;
  try {
    const nlohmann::json adamw = nlohmann::json::parse(read_file(path)).at("adamw");
    result.learning_rate = adamw.at("lr");
    result.beta1 = adamw.at("betas").at(0);
    result.beta2 = adamw.at("betas").at(1);
    result.eps = adamw.at("eps");
    result.weight_decay = adamw.at("weight_decay");
    result.max_grad_norm = adamw.at("max_grad_norm");
  } catch (const nlohmann::json::exception& error) {
    throw Error("{}: {}", path.string(), error.what());
  }
  return result;
}

void Parity::compare_training(Instance& instance) {
  if (!golden_.has("lora.train.losses")) return skip("lora.train.*", "not in the file");
  const ParityTraining settings = training();
  Decoder& model = *instance.model;
  AdamWOptimizer optimizer(instance.lasting, model.parameters(),
                           {.beta1 = settings.beta1,
                            .beta2 = settings.beta2,
                            .eps = settings.eps,
                            .weight_decay = settings.weight_decay,
                            .max_grad_norm = settings.max_grad_norm});
  StepRunner runner(model, optimizer,
                    {.micro_batch_tokens = static_cast<int64_t>(batch_.ids.size()), .graphs = options_.graphs});
  std::vector<float> losses, norms;
  const auto trained = static_cast<double>(batch_.rows.size());
  const size_t steps = golden_.floats("lora.train.losses").size();
  for (size_t i = 0; i < steps; ++i) {
    runner.accumulate(batch_, static_cast<float>(1.0 / trained), 0);
    runner.update(settings.learning_rate);
    const StepRunner::Result result = runner.finish();
    losses.push_back(static_cast<float>(result.loss_sum / trained));
    norms.push_back(static_cast<float>(result.norm));
  }
  compare_one("lora.train.losses", [&] { return losses; });
  compare_one("lora.train.grad_norms", [&] { return norms; });
}

bool Parity::run() {
  const auto find_in = [](const std::vector<Parameter*>& parameters, const char* prefix, bool gradient) {
    return [parameters, prefix, gradient](const std::string& name) -> const Tensor* {
      for (const Parameter* p : parameters)
        if (prefix + p->name == name) return gradient ? (p->has_gradient ? &p->gradient : nullptr) : &p->value;
      return nullptr;
    };
  };
  {
    const auto frozen = build(false, false);
    compare_one("logits", [&] { return logits(*frozen->model); });
    compare_greedy(*frozen->model);
  }
  {
    const auto full = build(true, false);
    compare_one("loss", [&] { return std::vector<float>{static_cast<float>(step(*full->model))}; });
    if (golden_.has("loss")) compare_all("grad.", find_in(full->model->parameters(), "", true));
  }
  if (options_.adapter.empty()) {
    skip("lora.*", "no adapter (name one with --adapter)");
  } else {
    constexpr const char* kPeft = "base_model.model.";
    const auto adapted = build(false, true);
    compare_one("lora.logits", [&] { return logits(*adapted->model); });
    compare_one("lora.loss", [&] { return std::vector<float>{static_cast<float>(step(*adapted->model))}; });
    compare_all("lora.grad.", find_in(adapted->model->parameters(), kPeft, true));
    for (Parameter* parameter : adapted->model->parameters()) parameter->clear();
    compare_training(*adapted);
    compare_all("lora.train.final.", find_in(adapted->model->parameters(), kPeft, false), true);
  }
  if (!compared_) throw Error("{}: holds nothing to compare (see docs/parity.md)", golden_.origin());
  fmt::print(out_, "{}: tolerance {:.0e}: {}\n", config_.family, options_.tolerance,
             good_ ? "all within" : "NOT within");
  return good_;
}

}  // namespace

bool run_parity(const ParityOptions& given, std::FILE* out) {
  ParityOptions options = given;
  if (options.adapter.empty() && fs::exists(options.model / "adapter" / "adapter_config.json"))
    options.adapter = options.model / "adapter";
  return Parity(options, out).run();
}

}  // namespace lorica
