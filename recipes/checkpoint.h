#pragma once
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "io/data/batches.h"
#include "optim/adamw.h"

namespace lorica {

/// Where a run stands, beside the tensors. Randomness needs no state of its own: shuffles and dropout masks are
/// functions of the seed, the epoch and the step.
struct RunState {
  int64_t step = 0;
  Cursor cursor;
  double epoch = 0;
  double elapsed_seconds = 0;  ///< of training, over all resumptions
  int64_t tokens = 0, trained_tokens = 0;
  std::optional<double> best_loss;
  int64_t best_step = 0;
  int64_t evaluations_without_gain = 0;
  std::vector<std::string> answers_before;  ///< to eval.prompts
  uint64_t data_hash = 0;
  nlohmann::ordered_json log_history = nlohmann::ordered_json::array();
};

/// Copies of the trained values at the best evaluation, by the order of the parameters; empty before the first one.
using BestValues = std::vector<Tensor>;

/// Writes checkpoint-STEP under `run_folder`: trainer_state.json and training.safetensors (values, moments, best
/// values), and whatever `extra` writes into the folder it is given. All is written aside, synced and renamed, so that
/// a kill at any moment leaves the last whole checkpoint; then all but the newest `keep` are removed.
void save_checkpoint(const std::filesystem::path& run_folder, const RunState& state, const AdamWOptimizer& optimizer,
                     const BestValues& best, int64_t keep,
                     const std::function<void(const std::filesystem::path&)>& extra);

/// The newest whole checkpoint of a run, if there is one.
std::optional<std::filesystem::path> newest_checkpoint(const std::filesystem::path& run_folder);

/// Restores values, moments and best values; throws Error when the checkpoint does not fit the model.
RunState load_checkpoint(const std::filesystem::path& checkpoint, Arena& arena, AdamWOptimizer& optimizer,
                         BestValues& best);

}  // namespace lorica
