#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "io/data/example.h"
#include "io/data/finding.h"
#include "io/data/options.h"
#include "io/data/text_model.h"

namespace lorica {

/// What became of the rows of a data set. Tokens are those of the examples, after cutting.
struct DataReport {
  int64_t rows = 0;
  int64_t examples = 0;
  int64_t tokens = 0;
  int64_t trained_tokens = 0;
  int64_t longest = 0;              ///< tokens of the longest example
  int64_t longest_row = 0;          ///< tokens of the longest row, before cutting
  int64_t dropped_faulty = 0;       ///< rows left out for an error
  int64_t dropped_long = 0;         ///< rows left out for their length, or with nothing trained within max_tokens
  int64_t truncated = 0;            ///< rows cut short
  int64_t split = 0;                ///< rows made into several examples
  int64_t trained_tokens_lost = 0;  ///< trained tokens of long rows that no example trains
};

struct Dataset {
  std::vector<Example> examples;
  DataReport report;
};

/// Training and held-out data, and what was found while reading them.
struct LoadedData {
  Dataset train;
  Dataset eval;
  Findings findings;
};

/// Cuts a row by the policy and appends what is left of it to the data set. Pieces of a split row overlap by one token,
/// which is trained in the first of them only: it is what predicts the first token of the second. Pieces that train
/// nothing are left out. Returns what happened in words, empty for a row that fits.
std::string add_example(Dataset& data, Example row, int64_t max_tokens, TooLong policy);

/// Reads all files of `options`, leaving out every row with an error and noting everything that is odd. Throws Error
/// for a file that cannot be opened and for options that contradict each other or the model.
LoadedData inspect_data(const DataOptions& options, const TextModel& model);

/// The same for a run: throws Error with the first error found where a file cannot be used or, under BadRows::kRefuse,
/// a row cannot be trained on.
LoadedData load_data(const DataOptions& options, const TextModel& model);

}  // namespace lorica
