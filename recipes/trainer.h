#pragma once
#include <filesystem>
#include <memory>

#include "recipes/checkpoint.h"
#include "recipes/evaluate.h"
#include "recipes/progress.h"
#include "recipes/session.h"

namespace lorica {

/// What a finished run hands back.
struct TrainSummary {
  RunState state;
  std::optional<double> loss_after;  ///< held-out loss of what was saved
  std::vector<std::string> answers_after;
  double seconds = 0;            ///< of training in this process
  double tokens_per_second = 0;  ///< real tokens over those seconds
  std::filesystem::path output;  ///< the adapter, or the model where no adapter was trained
  std::string stop_reason;       ///< "the steps are done", "the time is up", ...
};

/// Trains by a recipe: evaluates, steps, saves, stops. The session's model must have its adapter attached (or be built
/// with trained weights).
class Trainer {
 public:
  /// `run_folder` exists. `data` outlives the trainer.
  Trainer(Session& session, const Recipe& recipe, const LoadedData& data);

  /// Continues from the newest checkpoint of the run folder; throws Error when data or model changed since.
  void resume(const std::filesystem::path& checkpoint);
  /// Throws RunError naming step, sample and first op when the loss or a gradient is not finite, and Interrupted after
  /// a signal, with a checkpoint saved.
  TrainSummary run();

 private:
  struct StepTotals {
    double loss_sum = 0;
    int64_t tokens = 0, trained_tokens = 0;
  };

  double held_out_loss();
  void evaluate_before();
  StepReport step();
  StepTotals accumulate(const std::vector<Batch>& batches);
  [[noreturn]] void diagnose(const std::vector<Batch>& batches, const char* what);
  double progress() const;
  double seconds_left() const;
  void periodic_evaluation();
  /// Whether the log has an evaluation after this very step (a resumed run may stand at its end already).
  bool evaluated_here() const;
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
};
void train(const Recipe& recipe, const TrainOptions& options);

}  // namespace lorica
