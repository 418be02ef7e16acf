#pragma once
#include <string>
#include <vector>

#include "recipes/micro_step.h"

namespace lorica {

/// Runs the batches of a step again, looking at every op's result, and says in words where the first NaN or Inf
/// appears: the op, forward or backward, and in the forward pass the training row. Gradients are left in disorder.
std::string first_not_finite(Decoder& model, const std::vector<Batch>& batches, const ExampleSet& examples,
                             MicroStepOptions options);

}  // namespace lorica
