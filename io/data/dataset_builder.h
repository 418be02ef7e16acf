#pragma once
#include <cstdint>
#include <string>
#include <utility>

#include "io/data/example_set.h"
#include "io/data/options.h"

namespace lorica {

/// What became of the rows of a data set. Tokens are those of the examples, after cutting.
struct DataReport {
  int64_t rows = 0;
  int64_t examples = 0;
  int64_t tokens = 0;
  int64_t trained_tokens = 0;
  int64_t longest = 0;              ///< tokens of the longest example
  int64_t longest_row = 0;          ///< tokens of the longest row, before cutting
  int64_t left_out = 0;             ///< rows that say of themselves that they are not to be trained on
  int64_t dropped_faulty = 0;       ///< rows left out for an error
  int64_t dropped_long = 0;         ///< rows left out for their length, or with nothing trained within max_tokens
  int64_t truncated = 0;            ///< rows cut short
  int64_t split = 0;                ///< rows made into several examples
  int64_t trained_tokens_lost = 0;  ///< trained tokens of long rows that no example trains
  bool operator==(const DataReport&) const = default;
};

struct Dataset {
  ExampleSet examples;
  DataReport report;
};

/// Cuts rows to length and gathers what is left of them.
class DatasetBuilder {
 public:
  explicit DatasetBuilder(int64_t max_tokens, ExampleSetBuilder into = ExampleSetBuilder())
      : max_tokens_(max_tokens), examples_(std::move(into)) {}

  /// Cuts a row by the policy and appends what is left of it. Pieces of a split row overlap by one token, which is
  /// trained in the first of them only: it is what predicts the first token of the second. Pieces that train nothing
  /// are left out. Returns what happened in words, empty for a row that fits.
  std::string add(const Example& row, TooLong policy);

  /// Appends a text to classify, which had `whole_tokens` tokens before it was cut to max_tokens. Returns as add().
  std::string add_input(const Example& row, int64_t whole_tokens);

  /// The data set in memory; the builder is of no use afterwards.
  Dataset finish() { return {examples_.finish(), report_}; }

  DataReport& report() { return report_; }
  ExampleSetBuilder& examples() { return examples_; }

 private:
  void keep(const ExampleView& example);
  void keep_pieces(const Example& row, TooLong policy);

  const int64_t max_tokens_;
  DataReport report_;
  ExampleSetBuilder examples_;
};

}  // namespace lorica
