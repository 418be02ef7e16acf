#pragma once
#include <string>

#include "io/data/dataset.h"

namespace lorica {

/// The findings one a line, and at the end how many of each there are.
struct LintReport {
  std::string text;
  int64_t errors = 0;
  int64_t warnings = 0;
  bool refuses = false;  ///< whether training would refuse this data under the options' policy for rows
};

/// What `lorica data lint` prints. Throws as inspect_data does.
LintReport lint_data(const DataOptions& options, const TextModel& model);

}  // namespace lorica
