#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lorica {

enum class Severity { kWarning, kError };

/// Everything that reading a data file can find. check_name() gives the name that the user sees.
enum class Check {
  // A file that cannot be used at all; training refuses whatever the policy for rows is.
  kEmptyFile,
  kMissingColumn,
  kUnterminatedQuote,
  kEmptyData,
  kBrokenFile,
  // A row that cannot be trained on.
  kInvalidUtf8,
  kBadJson,
  kBadRow,
  kFieldCount,
  kTooLarge,
  kTemplateRejects,
  kTemplateRewrites,
  kEmptyReply,
  kNothingToTrain,
  kUnknownLabel,
  kDoubledBos,
  kInBoth,
  // Worth a look.
  kReasoningDropped,
  kMessageDropped,
  kNoEndOfTurn,
  kTooLong,
  kDuplicate,
  kPromptInBoth,
  kUnknownSpecial,
  kSpecialInText,
  kUnknownRole,
  kLeftOut,
  kCount,
};

/// "too-long" and the like, for listings.
std::string_view check_name(Check check);
Severity severity_of(Check check);
/// Whether the finding makes its whole file unusable, rather than one row.
bool spoils_file(Check check);

/// A finding before its place is known.
struct Note {
  Check check;
  std::string message;
};

/// Thrown inside the readers: what ends the reading of a row, or of a file.
struct Fault {
  Note note;
};

struct Finding {
  Check check;
  std::string file;
  int64_t line;  ///< from 1; 0 where the finding is about the file as a whole
  std::string message;
  Severity severity() const { return severity_of(check); }
  /// "train.jsonl:12: warning: 3100 tokens, max_tokens is 2048: dropped [too-long]"
  std::string text() const;
};

/// Findings in the order met. All are counted; of each check the first kKept are kept whole, so that a file with a
/// million faulty rows does not fill the memory.
class Findings {
 public:
  static constexpr int64_t kKept = 200;

  using Counts = std::array<int64_t, static_cast<size_t>(Check::kCount)>;

  Findings() = default;
  /// As kept elsewhere: what list() and counts() gave.
  Findings(std::vector<Finding> list, const Counts& counts);

  void add(std::string_view file, int64_t line, Note note);
  /// The same as adding what was added to `later`.
  void append(const Findings& later);
  const Counts& counts() const { return counts_; }
  const std::vector<Finding>& list() const { return list_; }
  int64_t count(Check check) const { return counts_[static_cast<size_t>(check)]; }
  int64_t errors() const { return errors_; }
  int64_t warnings() const { return warnings_; }

 private:
  std::vector<Finding> list_;
  Counts counts_{};
  int64_t errors_ = 0;
  int64_t warnings_ = 0;
};

}  // namespace lorica
