#pragma once
#include <cstdint>
#include <vector>

#include "io/data/example_set.h"

namespace lorica {

/// Whole documents one after the other, to be run at once; attention stays within each (cu_seqlens) and positions start
/// again at 0.
struct Batch {
  std::vector<int32_t> ids;         ///< [T]
  std::vector<int32_t> positions;   ///< [T], from 0 in each document
  std::vector<int32_t> cu_seqlens;  ///< [documents + 1], where each document starts, and T
  std::vector<int32_t> rows;        ///< [N], the places in ids that predict a trained token, rising; of a document with
                                    ///< a label its last token
  std::vector<int32_t> targets;     ///< [N], the token each of them predicts, ids[rows[i] + 1], or the label
  std::vector<int64_t> examples;    ///< [documents], their index in the data set
};

/// Where a run stands in its data: `index` documents of the order of `epoch` are used up.
struct Cursor {
  int64_t epoch = 0;
  int64_t index = 0;
  bool operator==(const Cursor&) const = default;
};

/// The size of a step is given either in tokens or in examples; the other is 0.
struct BatchOptions {
  int64_t tokens_per_step = 0;     ///< whole documents are taken while they fit; at least one
  int64_t examples_per_step = 0;   ///< documents
  int64_t micro_batch_tokens = 0;  ///< of one Batch at most, unless a single document is longer
  bool shuffle = true;             ///< each epoch by (seed, epoch)
  bool drop_last = false;          ///< leave out the last step of an epoch where documents ran out before it was full
  uint64_t seed = 0;
  /// How often an epoch shows a document on average, by the document's source; sources beyond the end: once.
  std::vector<double> source_weights = {};
};

/// The documents of an epoch in order: Fisher-Yates with Philox, the same on every machine. Without shuffle 0, 1, 2,
/// ... A document whose source has the weight w is there floor(w) times, and once more where it is among the share w -
/// floor(w) of its source that (seed, epoch) draw, without replacement.
std::vector<int64_t> epoch_order(const ExampleSet& examples, const BatchOptions& options, int64_t epoch);

/// Cuts epochs into steps and steps into batches. A step never crosses the end of an epoch. What it gives depends on
/// the examples, the options and the cursor only, so a planner that seeks a saved cursor goes on exactly.
class BatchPlanner {
 public:
  /// Throws Error for no examples, an example without tokens, sizes that are not positive, none or both step sizes,
  /// weights that leave less than one document for an epoch, and drop_last where not even one step is full.
  BatchPlanner(ExampleSet examples, BatchOptions options);

  /// The batches of the next step, never empty, and moves the cursor past it. Their documents keep within
  /// micro_batch_tokens by first fit, the longest first.
  std::vector<Batch> next_step();

  Cursor cursor() const { return cursor_; }
  /// Throws Error for a cursor outside the data.
  void seek(Cursor cursor);
  /// Epochs used up, with the fraction of the current one.
  double epoch() const;
  /// Steps that an epoch takes; it differs between epochs where steps are filled by tokens.
  int64_t steps_in_epoch(int64_t epoch) const;

 private:
  int64_t length(int64_t example) const { return static_cast<int64_t>(examples_.length(static_cast<size_t>(example))); }
  int64_t step_end(const std::vector<int64_t>& order, int64_t begin, bool& full) const;
  void check_options() const;
  void start_epoch(int64_t epoch);
  void leave_finished_epoch();

  const ExampleSet examples_;
  const BatchOptions options_;
  std::vector<int64_t> order_;
  Cursor cursor_;
};

/// All examples in their order, whole documents packed up to micro_batch_tokens.
std::vector<Batch> evaluation_batches(const ExampleSet& examples, int64_t micro_batch_tokens);

/// Trained tokens of a step: the rows of its batches. The loss of the step is divided by it.
int64_t trained_tokens(const std::vector<Batch>& step);

}  // namespace lorica
