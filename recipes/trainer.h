#pragma once
#include <filesystem>
#include <memory>

#include "recipes/checkpoint.h"
#include "recipes/evaluate.h"
#include "recipes/progress.h"
#include "recipes/session.h"
#include "recipes/step_runner.h"

namespace lorica {

/// What a finished run hands back.
struct TrainSummary {
  RunState state;
  /// What the held-out data said of the model before the run and of what was saved: eval_loss and, for a classifier,
  /// eval_accuracy and eval_macro_f1. Null without held-out data.
  nlohmann::ordered_json before, after;
  std::vector<std::string> answers_after;
  double seconds = 0;            ///< of training in this process
  double tokens_per_second = 0;  ///< real tokens over those seconds
  std::filesystem::path output;  ///< the adapter, or the model where no adapter was trained
  std::string stop_reason;       ///< "the steps are done", "the time is up", ...
};

/// The steps, counted from 1, that a profiler records; none unless `first` is positive.
struct ProfiledSteps {
  int64_t first = 0, last = 0;
};

struct TrainerOptions {
  bool graphs = true;  ///< record and replay steps, where the recipe and the device want it too
  ProfiledSteps profile = {};
};

/// Trains by a recipe: evaluates, steps, saves, stops. The session's model must have its adapter attached (or be built
/// with trained weights).
class Trainer {
 public:
  /// `run_folder` exists. `data` outlives the trainer.
  Trainer(Session& session, const Recipe& recipe, const LoadedData& data, const TrainerOptions& options = {});

  /// Continues from the newest checkpoint of the run folder; throws Error when data or model changed since.
  void resume(const std::filesystem::path& checkpoint);
  /// Throws RunError naming step, sample and first op when the loss or a gradient is not finite, and Interrupted after
  /// a signal, with a checkpoint saved.
  TrainSummary run();

 private:
  /// The batches of a step, and where they leave the data.
  struct PlannedStep {
    std::vector<Batch> batches;
    Cursor cursor;
    double epoch = 0;
  };

  /// Evaluates, and returns the metrics that the log holds.
  nlohmann::ordered_json held_out();
  /// The metrics of an evaluation after that step, null where the log has none.
  nlohmann::ordered_json logged_evaluation(int64_t step) const;
  void evaluate_before();
  PlannedStep plan_step();
  StepReport step();
  void accumulate(const std::vector<Batch>& batches, int64_t trained);
  double learning_rate(double share_before) const;
  int64_t memory_bytes() const;
  [[noreturn]] void diagnose(const std::vector<Batch>& batches, const char* what);
  double progress() const;
  double seconds_left() const;
  void periodic_evaluation();
  void keep_best(double loss);
  void log(const nlohmann::ordered_json& entry);
  void save();
  void write_output(const std::filesystem::path& folder) const;
  const char* reason_to_stop() const;
  std::vector<std::string> answers();
  PeftConfig adapter_config() const;
  double elapsed() const;

  Session& session_;
  const Recipe& recipe_;
  const LoadedData& data_;
  std::filesystem::path folder_;
  BatchPlanner planner_;
  AdamWOptimizer optimizer_;
  StepRunner runner_;
  PlannedStep next_;  ///< planned while the device works on the step before
  const ProfiledSteps profile_;
  RunState state_;
  BestValues best_;
  ProgressLine line_;
  double seconds_before_ = 0;  ///< trained in earlier processes
  double started_ = 0;
  int64_t tokens_here_ = 0;
};

/// The whole of `lorica train`: session, data with its lint, run folder, training, and the report on stdout.
struct TrainOptions {
  bool resume = false;
  bool overwrite = false;
  /// How messages about these keys begin.
  std::string device_place = "model.device", attention_place = "model.attention";
  TrainerOptions trainer = {};
};
void train(const Recipe& recipe, const TrainOptions& options);

}  // namespace lorica
