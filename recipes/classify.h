#pragma once
#include <span>
#include <vector>

#include "recipes/session.h"

namespace lorica {

/// log softmax(z) of one row, in double.
std::vector<double> log_softmax(std::span<const float> logits);

/// The probability of each class for each text, in the order of the texts, which are packed up to micro_batch_tokens.
/// `texts` are token ids, none empty. Throws Error where the model is no classifier.
std::vector<std::vector<double>> classify(Session& session, const std::vector<std::vector<int32_t>>& texts,
                                          int64_t micro_batch_tokens);

}  // namespace lorica
