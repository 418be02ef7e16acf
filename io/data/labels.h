#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/options.h"
#include "io/data/text_model.h"

namespace lorica {

/// Label texts in the order of their classes: by number where all of them are integers, else by their bytes.
std::vector<std::string> ordered_labels(std::vector<std::string> labels);

/// The distinct labels of all rows of the sources, in that order. Rows with an error have none.
std::vector<std::string> labels_in(const std::vector<DataSource>& sources);

/// Looks classes up by their names.
class LabelIndex {
 public:
  explicit LabelIndex(const std::vector<std::string>& names);
  /// The number of the class, or -1.
  int32_t find(const std::string& name) const;
  /// "label 'crad_lost': not one of the 10 classes; did you mean 'card_lost'?"
  std::string complaint(std::string_view name) const;

 private:
  std::map<std::string, int32_t, std::less<>> numbers_;
};

/// Token ids of a text to classify, with the tokenizer's special tokens as in Transformers' tokenizer(text). Of a text
/// of more than max_tokens, tokens at its end are left out, and the special tokens kept; `whole` gets the length before
/// that.
std::vector<int32_t> encode_input(const TextTokenizer& tokenizer, std::string_view text, int64_t max_tokens,
                                  int64_t& whole);

}  // namespace lorica
