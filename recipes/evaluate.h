#pragma once
#include <map>
#include <string>
#include <vector>

#include "io/data/dataset.h"
#include "recipes/micro_step.h"

namespace lorica {

/// How often a class was the label, was predicted, and was both.
struct ClassCounts {
  int64_t actual = 0, predicted = 0, right = 0;

  double precision() const;  ///< right / predicted; 0 where it was never predicted
  double recall() const;     ///< right / actual; 0 where it never occurs
  double f1() const;         ///< 2 right / (actual + predicted); 0 where both are 0
};

/// Loss over the trained tokens of a data set; for a classifier over its documents, with what was predicted for them.
struct EvalResult {
  double loss_sum = 0;
  int64_t trained_tokens = 0;
  int64_t tokens = 0;
  std::vector<ClassCounts> classes = {};  ///< of a classifier

  double loss() const { return trained_tokens > 0 ? loss_sum / static_cast<double>(trained_tokens) : 0; }
  double perplexity() const;
  double accuracy() const;
  /// Mean f1 of the classes that occur or are predicted, as scikit-learn's f1_score(average="macro") has it.
  double macro_f1() const;
  void add(const EvalResult& other);
};

struct Evaluation {
  EvalResult all;
  std::map<std::string, EvalResult> slices;  ///< by the value of the slice column; empty when none is named
};

/// Runs all examples, packed up to micro_batch_tokens, without recording.
Evaluation evaluate(Decoder& model, const ExampleSet& examples, int64_t micro_batch_tokens);

}  // namespace lorica
