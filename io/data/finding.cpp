#include "io/data/finding.h"

#include <fmt/format.h>

#include <utility>

namespace lorica {
namespace {

struct CheckEntry {
  std::string_view name;
  Severity severity;
  bool file;
};

CheckEntry entry(Check check) {
  constexpr auto kError = Severity::kError;
  constexpr auto kWarning = Severity::kWarning;
  switch (check) {
    case Check::kEmptyFile:
      return {"empty-file", kError, true};
    case Check::kMissingColumn:
      return {"missing-column", kError, true};
    case Check::kUnterminatedQuote:
      return {"unterminated-quote", kError, true};
    case Check::kEmptyData:
      return {"empty-data", kError, true};
    case Check::kBrokenFile:
      return {"broken-file", kError, true};
    case Check::kInvalidUtf8:
      return {"invalid-utf8", kError, false};
    case Check::kBadJson:
      return {"bad-json", kError, false};
    case Check::kBadRow:
      return {"bad-row", kError, false};
    case Check::kFieldCount:
      return {"field-count", kError, false};
    case Check::kTooLarge:
      return {"too-large", kError, false};
    case Check::kTemplateRejects:
      return {"template-rejects", kError, false};
    case Check::kTemplateRewrites:
      return {"template-rewrites", kError, false};
    case Check::kEmptyReply:
      return {"empty-reply", kError, false};
    case Check::kNothingToTrain:
      return {"nothing-to-train", kError, false};
    case Check::kUnknownLabel:
      return {"unknown-label", kError, false};
    case Check::kDoubledBos:
      return {"doubled-bos", kError, false};
    case Check::kInBoth:
      return {"in-both", kError, false};
    case Check::kReasoningDropped:
      return {"reasoning-dropped", kWarning, false};
    case Check::kMessageDropped:
      return {"message-dropped", kWarning, false};
    case Check::kNoEndOfTurn:
      return {"no-end-of-turn", kWarning, false};
    case Check::kTooLong:
      return {"too-long", kWarning, false};
    case Check::kDuplicate:
      return {"duplicate", kWarning, false};
    case Check::kPromptInBoth:
      return {"prompt-in-both", kWarning, false};
    case Check::kUnknownSpecial:
      return {"unknown-special-token", kWarning, false};
    case Check::kSpecialInText:
      return {"special-token-in-text", kWarning, false};
    case Check::kUnknownRole:
      return {"unknown-role", kWarning, false};
    case Check::kLeftOut:
      return {"left-out", kWarning, false};
    case Check::kCount:
      break;
  }
  return {"", kError, false};
}

}  // namespace

std::string_view check_name(Check check) { return entry(check).name; }
Severity severity_of(Check check) { return entry(check).severity; }
bool spoils_file(Check check) { return entry(check).file; }

std::string Finding::text() const {
  const std::string place = line > 0 ? fmt::format("{}:{}", file, line) : file;
  return fmt::format("{}: {}: {} [{}]", place, severity() == Severity::kError ? "error" : "warning", message,
                     check_name(check));
}

Findings::Findings(std::vector<Finding> list, const Counts& counts) : list_(std::move(list)), counts_(counts) {
  for (size_t i = 0; i < counts_.size(); ++i)
    (severity_of(static_cast<Check>(i)) == Severity::kError ? errors_ : warnings_) += counts_[i];
}

void Findings::append(const Findings& later) {
  Counts met = counts_;
  for (const Finding& finding : later.list_) {
    if (met[static_cast<size_t>(finding.check)]++ < kKept) list_.push_back(finding);
  }
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += later.counts_[i];
  errors_ += later.errors_;
  warnings_ += later.warnings_;
}

void Findings::add(std::string_view file, int64_t line, Note note) {
  (severity_of(note.check) == Severity::kError ? errors_ : warnings_) += 1;
  if (counts_[static_cast<size_t>(note.check)]++ < kKept) {
    list_.push_back({note.check, std::string(file), line, std::move(note.message)});
  }
}

}  // namespace lorica
