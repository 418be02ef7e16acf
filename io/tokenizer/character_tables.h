#pragma once
#include <vector>

/// Classes of characters as the tokenizers package 0.23 has them, in ascending ranges.
namespace lorica::characters {

struct Range {
  char32_t first, last;
};
extern const std::vector<Range> kControl;         // what BERT's cleaning removes
extern const std::vector<Range> kMark;            // what StripAccents removes
extern const std::vector<Range> kNonspacingMark;  // what BERT's strip_accents removes
extern const std::vector<Range> kNumeric;
extern const std::vector<Range> kPunctuation;
extern const std::vector<Range> kWord;

}  // namespace lorica::characters
