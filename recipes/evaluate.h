#pragma once
#include <map>
#include <string>
#include <vector>

#include "io/data/dataset.h"
#include "recipes/micro_step.h"

namespace lorica {

/// Loss over the trained tokens of a data set.
struct EvalResult {
  double loss_sum = 0;
  int64_t trained_tokens = 0;
  int64_t tokens = 0;

  double loss() const { return trained_tokens > 0 ? loss_sum / static_cast<double>(trained_tokens) : 0; }
  double perplexity() const;
  void add(const EvalResult& other);
};

struct Evaluation {
  EvalResult all;
  std::map<std::string, EvalResult> slices;  ///< by the value of the slice column; empty when none is named
};

/// Runs all examples, packed up to micro_batch_tokens, without recording.
Evaluation evaluate(Decoder& model, const ExampleSet& examples, int64_t micro_batch_tokens);

}  // namespace lorica
