#pragma once
#include <cstdint>
#include <string>

#include "io/data/dataset.h"

namespace lorica {

struct PreviewOptions {
  int64_t count = 3;    ///< examples of the training data (of the held-out data where there is no other) to show
  bool colour = false;  ///< trained text in green; otherwise between ⟦ and ⟧
};

/// One example: a line with its place and counts, then its text with what is trained marked. Control characters of the
/// data are shown as \x1b, so that a data file cannot drive the terminal.
std::string preview_example(const ExampleView& example, const TextTokenizer& tokenizer, bool colour);

/// Rows, tokens, trained tokens, the longest and what was left out, a line for each data set that was read.
std::string summary_text(const LoadedData& loaded);

/// What `lorica data preview` prints: examples and the summary. Rows with errors are left out and counted. Throws as
/// inspect_data does.
std::string preview_data(const DataOptions& options, const TextModel& model, const PreviewOptions& preview);

}  // namespace lorica
