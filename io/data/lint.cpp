#include "io/data/lint.h"

#include <fmt/format.h>

#include <iterator>

#include "io/data/preview.h"

namespace lorica {

LintReport lint_data(const DataOptions& options, const TextModel& model) {
  const LoadedData loaded = inspect_data(options, model);
  const Findings& findings = loaded.findings;
  LintReport report;
  report.errors = findings.errors();
  report.warnings = findings.warnings();
  auto out = std::back_inserter(report.text);
  for (const Finding& finding : findings.list()) fmt::format_to(out, "{}\n", finding.text());
  report.text += summary_text(loaded);
  for (size_t i = 0; i < static_cast<size_t>(Check::kCount); ++i) {
    const auto check = static_cast<Check>(i);
    const int64_t count = findings.count(check);
    if (count == 0) continue;
    const bool error = severity_of(check) == Severity::kError;
    report.refuses = report.refuses || spoils_file(check) || (error && options.bad_rows == BadRows::kRefuse);
    fmt::format_to(out, "{:>8} {} {}", count, check_name(check), error ? "(error)" : "(warning)");
    if (count > Findings::kKept) fmt::format_to(out, ", the first {} listed", Findings::kKept);
    report.text += '\n';
  }
  fmt::format_to(out, "{} errors, {} warnings\n", report.errors, report.warnings);
  return report;
}

}  // namespace lorica
