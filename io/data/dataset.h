#pragma once
#include "io/data/dataset_builder.h"
#include "io/data/finding.h"
#include "io/data/options.h"
#include "io/data/text_model.h"

namespace lorica {

/// Training and held-out data, and what was found while reading them.
struct LoadedData {
  Dataset train;
  Dataset eval;
  Findings findings;
  std::vector<std::string> classes;  ///< the names of the labels, by index
};

/// Reads all files of `options`, leaving out every row with an error and noting everything that is odd. Throws Error
/// for a file that cannot be opened and for options that contradict each other or the model.
LoadedData inspect_data(const DataOptions& options, const TextModel& model);

/// The same for a run: throws Error with the first error found where a file cannot be used or, under BadRows::kRefuse,
/// a row cannot be trained on.
LoadedData load_data(const DataOptions& options, const TextModel& model);

}  // namespace lorica
