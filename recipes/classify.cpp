#include "recipes/classify.h"

#include <algorithm>
#include <cmath>

#include "recipes/micro_step.h"

namespace lorica {

std::vector<double> log_softmax(std::span<const float> logits) {
  const auto largest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float z : logits) sum += std::exp(static_cast<double>(z) - largest);
  const double log_sum = largest + std::log(sum);
  std::vector<double> result;
  for (const float z : logits) result.push_back(static_cast<double>(z) - log_sum);
  return result;
}

std::vector<std::vector<double>> classify(Session& session, const std::vector<std::vector<int32_t>>& texts,
                                          int64_t micro_batch_tokens) {
  Decoder& model = session.model();
  const auto classes = static_cast<size_t>(model.config().classes());
  if (classes == 0) throw Error("{}: a language model, not a sequence classifier", session.folder().string());
  std::vector<Example> examples;
  for (const std::vector<int32_t>& ids : texts) {
    Example& example = examples.emplace_back();
    example.ids = ids;
    example.trained.assign(ids.size(), 0);
    example.label = 0;  // makes the last token the row whose logits are wanted
  }
  std::vector<std::vector<double>> result;
  for (const Batch& batch : evaluation_batches(example_set(examples), micro_batch_tokens)) {
    const std::vector<float> logits = forward_logits(model, batch, micro_batch_tokens);
    for (size_t i = 0; i < batch.rows.size(); ++i) {
      result.push_back(log_softmax(std::span(logits).subspan(i * classes, classes)));
      for (double& share : result.back()) share = std::exp(share);
    }
  }
  return result;
}

}  // namespace lorica
