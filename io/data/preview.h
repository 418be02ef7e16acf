#pragma once
#include <cstdint>
#include <string>

#include "io/data/dataset.h"

namespace lorica {

struct PreviewOptions {
  int64_t count = 3;    ///< examples of the training data (of the held-out data where there is no other) to show
  bool colour = false;  ///< trained text in green; otherwise between ⟦ and ⟧
};

/// The examples that a preview shows: those of the training data, else of the held-out data.
const ExampleSet& shown_examples(const LoadedData& loaded);

/// "train.jsonl:12  30 tokens, 9 trained, class complaint, slice refund". Control characters of the data are shown as
/// \x1b, so that a data file cannot drive the terminal.
std::string head_of(const ExampleView& example, const std::vector<std::string>& classes);

/// Rows, tokens, trained tokens, the longest and what was left out, a line for each data set that was read; then how
/// many documents of each class there are.
std::string summary_text(const LoadedData& loaded);

/// What `lorica data preview` prints: examples and the summary. Rows with errors are left out and counted. Throws as
/// inspect_data does.
std::string preview_data(const DataOptions& options, const TextModel& model, const PreviewOptions& preview);

}  // namespace lorica
