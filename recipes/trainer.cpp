#include "recipes/trainer.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "io/formats/file_bytes.h"
#include "recipes/finite_check.h"
#include "recipes/generate.h"
#include "recipes/memory.h"
#include "recipes/model_output.h"
#include "recipes/stop_signal.h"

namespace lorica {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

BatchOptions batch_options(const Recipe& recipe) {
  const TrainSection& train = recipe.train;
  BatchOptions options;
  options.micro_batch_tokens = train.micro_batch_tokens;
  options.examples_per_step = train.examples_per_step.value_or(0);
  options.tokens_per_step = train.tokens_per_step.value_or(0);
  if (train.gradient_accumulation_steps)
    options.tokens_per_step = *train.gradient_accumulation_steps * train.micro_batch_tokens;
  options.shuffle = recipe.data.shuffle;
  options.seed = static_cast<uint64_t>(train.seed);
  for (const DataItem& item : recipe.data.train)
    options.source_weights.push_back(settings_of(recipe.data, item).weight);
  return options;
}

AdamWOptions adamw_options(const TrainSection& train) {
  return {.beta1 = train.adam_beta1,
          .beta2 = train.adam_beta2,
          .eps = train.adam_epsilon,
          .weight_decay = train.weight_decay,
          .max_grad_norm = train.max_grad_norm};
}

/// "1.9312", of a classifier "1.9312, accuracy 0.8000, macro F1 0.7900"
std::string metrics_text(const nlohmann::ordered_json& metrics) {
  std::string text = fmt::format("{:.4f}", metrics.at("eval_loss").get<double>());
  if (metrics.contains("eval_accuracy"))
    text += fmt::format(", accuracy {:.4f}, macro F1 {:.4f}", metrics["eval_accuracy"].get<double>(),
                        metrics["eval_macro_f1"].get<double>());
  return text;
}

/// A resumed run must see the same data, as often.
uint64_t hash_of(const ExampleSet& examples, const std::vector<double>& weights) {
  uint64_t hash = examples.hash();
  if (std::all_of(weights.begin(), weights.end(), [](double weight) { return weight == 1; })) return hash;
  for (const double weight : weights) hash = (hash ^ std::bit_cast<uint64_t>(weight)) * 0x100000001b3u;
  return hash;
}

}  // namespace

Trainer::Trainer(Session& session, const Recipe& recipe, const LoadedData& data, const TrainerOptions& options)
    : session_(session),
      recipe_(recipe),
      data_(data),
      folder_(recipe.output.dir),
      planner_(data.train.examples, batch_options(recipe)),
      optimizer_(session.model().arenas().lasting, session.model().parameters(), adamw_options(recipe.train)),
      runner_(session.model(), optimizer_,
              {.micro_batch_tokens = recipe.train.micro_batch_tokens,
               .max_tokens = recipe.data.max_tokens,
               .recompute_blocks = recipe.train.gradient_checkpointing,
               .seed = static_cast<uint64_t>(recipe.train.seed),
               .graphs = options.graphs && recipe.train.cuda_graphs}),
      profile_(options.profile),
      line_(stderr) {
  state_.data_hash = hash_of(data.train.examples, batch_options(recipe).source_weights);
}

void Trainer::resume(const std::filesystem::path& checkpoint) {
  const uint64_t expected = state_.data_hash;
  state_ = load_checkpoint(checkpoint, session_.model().arenas().lasting, optimizer_, best_);
  if (state_.data_hash != expected)
    throw Error("{}: the training data (or how it is tokenized) changed since this run started", checkpoint.string());
  planner_.seek(state_.cursor);
  seconds_before_ = state_.elapsed_seconds;
  std::string metrics;  // lines of steps beyond the checkpoint would appear twice
  for (const auto& entry : state_.log_history) metrics += entry.dump() + "\n";
  write_file_atomically(folder_ / "metrics.jsonl", metrics);
  line_.say(fmt::format("resumed from {} at step {}", checkpoint.string(), state_.step));
}

double Trainer::elapsed() const { return seconds_before_ + now() - started_; }

double Trainer::progress() const {
  const TrainSection& train = recipe_.train;
  double share = 0;
  if (train.max_steps)
    share = std::max(share, static_cast<double>(state_.step) / static_cast<double>(*train.max_steps));
  if (train.num_train_epochs) share = std::max(share, state_.epoch / *train.num_train_epochs);
  if (train.time_budget) share = std::max(share, elapsed() / *train.time_budget);
  return share;
}

double Trainer::seconds_left() const {
  const double done = progress();
  return done > 0 ? elapsed() * (1 - std::min(done, 1.0)) / done : 0;
}

const char* Trainer::reason_to_stop() const {
  const TrainSection& train = recipe_.train;
  if (train.max_steps && state_.step >= *train.max_steps) return "all steps are done";
  if (train.num_train_epochs && state_.epoch >= *train.num_train_epochs - 1e-9) return "all epochs are done";
  if (train.time_budget && elapsed() >= *train.time_budget) return "the time budget is used up";
  if (recipe_.eval.early_stopping_patience > 0 &&
      state_.evaluations_without_gain >= recipe_.eval.early_stopping_patience)
    return "the held-out loss no longer falls";
  return nullptr;
}

Trainer::PlannedStep Trainer::plan_step() {
  const ProfileRange range("data");
  PlannedStep planned;
  planned.batches = planner_.next_step();
  planned.cursor = planner_.cursor();
  planned.epoch = planner_.epoch();
  return planned;
}

void Trainer::accumulate(const std::vector<Batch>& batches, int64_t trained) {
  const auto loss_scale = static_cast<float>(1.0 / static_cast<double>(std::max<int64_t>(trained, 1)));
  for (size_t i = 0; i < batches.size(); ++i)
    runner_.accumulate(batches[i], loss_scale, (static_cast<uint64_t>(state_.step) << 20) + i);
}

/// Of a step that began with `share_before` of the run done and ends at progress().
double Trainer::learning_rate(double share_before) const {
  const TrainSection& train = recipe_.train;
  const double warmup = train.warmup_steps && train.max_steps
                            ? static_cast<double>(*train.warmup_steps) / static_cast<double>(*train.max_steps)
                            : train.warmup_ratio;
  double factor = schedule_factor(train.lr_scheduler_type, share_before, progress(), warmup);
  if (train.warmup_steps && !train.max_steps)  // a count of steps where the run's length is not one
    factor =
        std::min(schedule_factor(train.lr_scheduler_type, share_before, progress(), 0),
                 static_cast<double>(state_.step) / static_cast<double>(std::max<int64_t>(*train.warmup_steps, 1)));
  return train.learning_rate * factor;
}

StepReport Trainer::step() {
  const ProfileRange range("step", state_.step + 1);
  const double begin = now(), share_before = progress();
  const PlannedStep planned = next_.batches.empty() ? plan_step() : std::move(next_);
  next_ = {};
  const std::vector<Batch>& batches = planned.batches;
  const int64_t trained = trained_tokens(batches);
  accumulate(batches, trained);

  state_.cursor = planned.cursor;
  state_.epoch = planned.epoch;
  ++state_.step;
  const double rate = learning_rate(share_before);
  runner_.update(rate);
  if (session_.context().device != Device::kCpu) next_ = plan_step();
  const StepRunner::Result result = runner_.finish();
  if (!std::isfinite(result.loss_sum)) diagnose(batches, "the loss");
  if (!std::isfinite(result.norm)) diagnose(batches, "a gradient");

  int64_t tokens = 0;
  for (const Batch& batch : batches) tokens += static_cast<int64_t>(batch.ids.size());
  state_.tokens += tokens;
  state_.trained_tokens += trained;
  tokens_here_ += tokens;
  return {.step = state_.step,
          .epoch = state_.epoch,
          .progress = std::min(1.0, progress()),
          .loss = result.loss_sum / static_cast<double>(std::max<int64_t>(trained, 1)),
          .gradient_norm = result.norm,
          .learning_rate = rate,
          .tokens_per_second = static_cast<double>(tokens) / std::max(now() - begin, 1e-9),
          .seconds_left = seconds_left(),
          .tokens = tokens,
          .trained_tokens = trained,
          .memory_bytes = memory_bytes()};
}

int64_t Trainer::memory_bytes() const {
  return session_.context().device == Device::kCpu ? peak_resident_bytes()
                                                   : static_cast<int64_t>(session_.bytes_held());
}

/// Nothing was updated, so the step can be run once more with every result looked at.
void Trainer::diagnose(const std::vector<Batch>& batches, const char* what) {
  for (Parameter* parameter : session_.model().parameters()) parameter->clear();
  const std::string fault = first_not_finite(session_.model(), batches, data_.train.examples,
                                             {.loss_scale = 1.0f / static_cast<float>(trained_tokens(batches)),
                                              .recompute_blocks = recipe_.train.gradient_checkpointing,
                                              .seed = static_cast<uint64_t>(recipe_.train.seed),
                                              .stream = static_cast<uint64_t>(state_.step - 1) << 20,
                                              .inspector = {}});
  throw RunError("step {}: {} is not finite; {}; the last checkpoint is untouched", state_.step, what, fault);
}

void Trainer::log(const nlohmann::ordered_json& entry) {
  state_.log_history.push_back(entry);
  std::ofstream file(folder_ / "metrics.jsonl", std::ios::app);
  file << entry.dump() << '\n';
  if (!file.flush()) throw RunError("{}: cannot write", (folder_ / "metrics.jsonl").string());
}

std::vector<std::string> Trainer::answers() {
  if (recipe_.eval.prompts.empty()) return {};
  std::vector<std::vector<int32_t>> prompts;
  for (const std::string& prompt : recipe_.eval.prompts)
    prompts.push_back(
        session_.tokenizer().encode(render_prompt(session_.chat_template(), recipe_.data.system_prompt, prompt)));
  GenerateOptions options;
  options.max_new_tokens = recipe_.eval.max_new_tokens;
  std::vector<std::string> texts;
  for (const Completion& completion : generate(session_, prompts, options)) texts.push_back(completion.text);
  return texts;
}

nlohmann::ordered_json Trainer::held_out() {
  const EvalResult result = evaluate(session_.model(), data_.eval.examples, recipe_.train.micro_batch_tokens).all;
  if (!std::isfinite(result.loss()))
    throw RunError("step {}: the held-out loss is not finite; the last checkpoint is untouched", state_.step);
  nlohmann::ordered_json metrics{{"eval_loss", result.loss()}};
  if (!result.classes.empty()) {
    metrics["eval_accuracy"] = result.accuracy();
    metrics["eval_macro_f1"] = result.macro_f1();
  }
  return metrics;
}

nlohmann::ordered_json Trainer::logged_evaluation(int64_t step) const {
  for (const auto& entry : state_.log_history) {
    if (entry.at("step") != step || !entry.contains("eval_loss")) continue;
    nlohmann::ordered_json metrics = entry;
    metrics.erase("step");
    metrics.erase("epoch");
    return metrics;
  }
  return {};
}

void Trainer::evaluate_before() {
  if (!data_.eval.examples.empty()) {
    const nlohmann::ordered_json metrics = held_out();
    line_.say("held-out loss before training: " + metrics_text(metrics));
    nlohmann::ordered_json entry{{"step", 0}, {"epoch", 0.0}};
    entry.update(metrics);
    log(entry);
  }
  state_.answers_before = answers();
}

void Trainer::keep_best(double loss) {
  const bool gain = !state_.best_loss || loss < *state_.best_loss - recipe_.eval.early_stopping_threshold;
  state_.evaluations_without_gain = gain ? 0 : state_.evaluations_without_gain + 1;
  if (state_.best_loss && loss >= *state_.best_loss) return;
  state_.best_loss = loss;
  state_.best_step = state_.step;
  const auto& states = optimizer_.states();
  best_.resize(states.size());
  for (size_t i = 0; i < states.size(); ++i) {
    const Tensor& value = states[i].parameter->value;
    if (!best_[i]) best_[i] = Tensor(*value.arena(), value.shape(), Dtype::f32);
    best_[i].copy(value);
  }
}

void Trainer::periodic_evaluation() {
  const nlohmann::ordered_json metrics = held_out();
  keep_best(metrics.at("eval_loss").get<double>());
  line_.say(fmt::format("step {}: held-out loss {}{}", state_.step, metrics_text(metrics),
                        state_.best_step == state_.step ? " (best so far)" : ""));
  nlohmann::ordered_json entry{{"step", state_.step}, {"epoch", state_.epoch}};
  entry.update(metrics);
  log(entry);
}

PeftConfig Trainer::adapter_config() const {
  if (session_.adapter_config()) {
    PeftConfig config = *session_.adapter_config();
    config.base_model = recipe_.model.path;
    return config;
  }
  const AdapterSection& adapter = recipe_.adapter;
  PeftConfig config;
  config.r = adapter.r;
  config.lora_alpha = adapter.lora_alpha;
  config.lora_dropout = adapter.lora_dropout;
  config.use_rslora = adapter.use_rslora;
  if (adapter.target_modules != std::vector<std::string>{"all-linear"}) config.target_modules = adapter.target_modules;
  config.layers_to_transform = adapter.layers_to_transform;
  config.base_model = recipe_.model.path;
  return config;
}

void Trainer::write_output(const std::filesystem::path& folder) const {
  if (recipe_.adapter.type == AdapterType::kLora)
    write_peft_adapter(folder, session_.model(), adapter_config());
  else
    write_model_folder(folder, session_.folder(), session_.model());
}

void Trainer::save() {
  state_.elapsed_seconds = elapsed();
  save_checkpoint(folder_, state_, optimizer_, best_, recipe_.save.total_limit,
                  [this](const std::filesystem::path& aside) {
                    if (recipe_.adapter.type == AdapterType::kLora) write_output(aside);
                  });
}

TrainSummary Trainer::run() {
  const StopSignal signals;
  if (state_.step == 0 && logged_evaluation(0).is_null() && state_.answers_before.empty()) evaluate_before();
  started_ = now();
  while (!reason_to_stop()) {
    if (state_.step + 1 == profile_.first) profiler_start();
    const StepReport report = step();
    if (state_.step == profile_.last) profiler_stop();
    const bool logged = report.step % recipe_.train.logging_steps == 0;
    line_.report(report, logged);
    if (logged)
      log({{"step", report.step},
           {"epoch", report.epoch},
           {"loss", report.loss},
           {"grad_norm", report.gradient_norm},
           {"learning_rate", report.learning_rate},
           {"tokens", report.tokens},
           {"trained_tokens", report.trained_tokens},
           {"tokens_per_second", report.tokens_per_second},
           {"peak_memory_bytes", report.memory_bytes}});
    if (recipe_.eval.steps > 0 && state_.step % recipe_.eval.steps == 0) periodic_evaluation();
    if (recipe_.save.steps > 0 && state_.step % recipe_.save.steps == 0) save();
    if (const int signal = StopSignal::received()) {
      save();
      line_.say(fmt::format("stopped by signal {} after step {}; --resume goes on from there", signal, state_.step));
      throw Interrupted{signal};
    }
  }
  TrainSummary summary;
  summary.stop_reason = reason_to_stop();
  summary.seconds = now() - started_;
  summary.tokens_per_second = static_cast<double>(tokens_here_) / std::max(summary.seconds, 1e-9);
  if (!data_.eval.examples.empty()) {
    if (recipe_.eval.steps > 0 && logged_evaluation(state_.step).is_null()) periodic_evaluation();  // not resumed there
    save();
    if (recipe_.eval.steps > 0 && recipe_.eval.load_best_model_at_end && !best_.empty()) {
      const auto& states = optimizer_.states();
      for (size_t i = 0; i < states.size(); ++i) states[i].parameter->value.copy(best_[i]);
    }
    summary.before = logged_evaluation(0);
    const bool known = state_.best_loss && state_.best_step == state_.step;  // the last step is the best one
    summary.after = known ? logged_evaluation(state_.step) : held_out();
  } else {
    save();
  }
  summary.output = folder_ / (recipe_.adapter.type == AdapterType::kLora ? "adapter" : "model");
  write_output(summary.output);
  summary.answers_after = answers();
  summary.state = state_;
  return summary;
}

}  // namespace lorica
