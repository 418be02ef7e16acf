#pragma once
#include <string_view>

#include "io/tokenizer/json_node.h"
#include "io/tokenizer/pre_tokenizer.h"

namespace lorica {

/// What becomes of the delimiters between which text is split: "a-b" at "-" gives
///   removed a|b   isolated a|-|b   merged_with_previous a-|b   merged_with_next a|-b   contiguous a|-|b, but a run of
/// delimiters stays one piece.
enum class DelimiterBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext" or "Contiguous".
DelimiterBehavior read_behavior(const JsonNode& node);

/// Takes the ranges of a text one after another, delimiters and what is between them, and passes on the pieces.
class DelimiterSplitter {
 public:
  DelimiterSplitter(Span text, DelimiterBehavior behavior, PieceSink sink)
      : text_(text), behavior_(behavior), sink_(sink) {}
  /// The next range ends at `end`; it begins where the last one ended, and may be empty.
  void add(size_t end, bool is_delimiter);
  void finish() { emit(); }

 private:
  void emit();
  bool joins(bool is_delimiter) const;

  Span text_;
  DelimiterBehavior behavior_;
  PieceSink sink_;
  size_t begin_ = 0, end_ = 0;  // the piece being gathered
  bool any_ = false;
  bool last_is_delimiter_ = false;
};

}  // namespace lorica
