#include "io/tokenizer/delimiter.h"

#include "kernels/error.h"

namespace lorica {

DelimiterBehavior read_behavior(const JsonNode& node) {
  const std::string& name = node.string();
  if (name == "Removed") return DelimiterBehavior::kRemoved;
  if (name == "Isolated") return DelimiterBehavior::kIsolated;
  if (name == "MergedWithPrevious") return DelimiterBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return DelimiterBehavior::kMergedWithNext;
  if (name == "Contiguous") return DelimiterBehavior::kContiguous;
  node.expected("Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

bool DelimiterSplitter::joins(bool is_delimiter) const {
  if (!any_) return false;
  switch (behavior_) {
    case DelimiterBehavior::kContiguous:
      return is_delimiter == last_is_delimiter_;
    case DelimiterBehavior::kMergedWithPrevious:
      return is_delimiter && !last_is_delimiter_;
    case DelimiterBehavior::kMergedWithNext:
      return !is_delimiter && last_is_delimiter_;
    default:
      return false;
  }
}

void DelimiterSplitter::add(size_t end, bool is_delimiter) {
  if (!joins(is_delimiter)) {
    emit();
    begin_ = end_;
  }
  if (is_delimiter && behavior_ == DelimiterBehavior::kRemoved) begin_ = end;
  end_ = end;
  any_ = true;
  last_is_delimiter_ = is_delimiter;
}

void DelimiterSplitter::emit() {
  if (begin_ < end_) sink_({text_.text.substr(begin_, end_ - begin_), text_.at_start && begin_ == 0});
}

}  // namespace lorica
