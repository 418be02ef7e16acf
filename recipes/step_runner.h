#pragma once
#include <map>
#include <memory>
#include <vector>

#include "kernels/graph.h"
#include "optim/adamw.h"
#include "recipes/micro_step.h"
#include "recipes/padding.h"

namespace lorica {

struct StepRunnerOptions {
  int64_t micro_batch_tokens = 2048;
  int64_t max_tokens = 0;         ///< of a document; 0: not known
  bool recompute_blocks = false;  ///< gradient checkpointing
  uint64_t seed = 0;              ///< of dropout
  bool graphs = true;             ///< record and replay on a device that can
};

/// Runs optimiser steps: accumulate() for each micro-batch, update(), finish(). On the CPU each call does its work. On
/// a GPU the first two only put work on the stream, finish() waits for it, and the host is free in between.
///
/// On a GPU batches are padded to a few sizes (recipes/padding.h). A micro-step of new sizes runs eagerly, which gives
/// scratch memory and arena their size; the second is recorded as a graph, and from then on a micro-step is one upload
/// of its inputs and one replay. The optimiser's step is recorded likewise. The graphs' inputs and results lie in the
/// lasting arena; what a micro-step makes in between lies in the passing one, where other work may use the same blocks
/// between two replays, since nothing is carried from one to the next.
class StepRunner {
 public:
  /// model and optimizer outlive the runner.
  StepRunner(Decoder& model, AdamWOptimizer& optimizer, const StepRunnerOptions& options);
  ~StepRunner();

  /// Adds the gradients of sum(losses) * loss_scale. `stream` numbers the dropout masks: unlike for every (step,
  /// micro-batch).
  void accumulate(const Batch& batch, float loss_scale, uint64_t stream);
  /// The optimiser's step; it changes nothing where the gradients' norm is not finite.
  void update(double learning_rate);

  struct Result {
    double loss_sum = 0;  ///< over all micro-batches, not scaled
    double norm = 0;      ///< of the gradients
  };
  Result finish();

  /// How many graphs were recorded.
  size_t graphs() const;

 private:
  /// All micro-steps of the same sizes that find the gradients in the same state.
  struct Key {
    PaddedSizes sizes;
    bool first;  ///< gradients are written, not added to
    auto operator<=>(const Key&) const = default;
  };
  struct Recorded {
    std::unique_ptr<StepGraph> graph;
    bool warm = false;  ///< ran eagerly once
  };
  struct Inputs;

  void enqueue(const Batch& batch, float loss_scale, uint64_t stream);
  Inputs& inputs_for(const PaddedSizes& sizes);
  void pass(const Inputs& inputs);
  /// Runs `work` eagerly, records it, or replays it: whatever it is time for. Whether it was replayed.
  bool run(Recorded& recorded, const std::function<void()>& work);

  Decoder& model_;
  AdamWOptimizer& optimizer_;
  const StepRunnerOptions options_;
  const bool on_host_;
  /// Tables for positions do not follow the longest document, so that a recorded step can serve any batch.
  const bool fixed_tables_;
  std::map<PaddedSizes, std::unique_ptr<Inputs>> inputs_;
  std::map<Key, Recorded> micro_steps_;
  Recorded update_;
  std::vector<Tensor> losses_;       ///< of this step's micro-batches, on the device
  std::vector<size_t> loss_counts_;  ///< of the micro-batches so far: how many of them are real
  double loss_sum_ = 0;
};

}  // namespace lorica
