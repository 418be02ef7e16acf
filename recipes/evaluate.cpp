#include "recipes/evaluate.h"

#include <cmath>

#include "recipes/padding.h"

namespace lorica {

double EvalResult::perplexity() const { return std::exp(loss()); }

void EvalResult::add(const EvalResult& other) {
  loss_sum += other.loss_sum;
  trained_tokens += other.trained_tokens;
  tokens += other.tokens;
}

Evaluation evaluate(Decoder& model, const ExampleSet& examples, int64_t micro_batch_tokens) {
  Evaluation result;
  const bool pad = model.context().device != Device::kCpu;  // a GPU's products are tuned for each shape
  for (const Batch& batch : evaluation_batches(examples, micro_batch_tokens)) {
    std::vector<float> losses =
        forward_losses(model, pad ? padded(batch, padded_sizes(batch, micro_batch_tokens)) : batch);
    losses.resize(batch.rows.size());
    std::vector<EvalResult> documents(batch.examples.size());
    for (size_t i = 0; i < documents.size(); ++i) documents[i].tokens = batch.cu_seqlens[i + 1] - batch.cu_seqlens[i];
    for (size_t i = 0; i < losses.size(); ++i) {
      EvalResult& document = documents[document_of(batch, batch.rows[i])];
      document.loss_sum += losses[i];
      ++document.trained_tokens;
    }
    for (size_t i = 0; i < documents.size(); ++i) {
      result.all.add(documents[i]);
      const std::string_view slice = examples[static_cast<size_t>(batch.examples[i])].slice;
      if (!slice.empty()) result.slices[std::string(slice)].add(documents[i]);
    }
  }
  return result;
}

}  // namespace lorica
