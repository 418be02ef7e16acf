#include "recipes/evaluate.h"

#include <algorithm>
#include <cmath>

#include "recipes/classify.h"
#include "recipes/padding.h"

namespace lorica {
namespace {

double share(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

/// Results of the documents of a batch, with the loss of each row and, for a classifier, its prediction.
std::vector<EvalResult> run_batch(Decoder& model, const Batch& batch, int64_t micro_batch_tokens) {
  std::vector<EvalResult> documents(batch.examples.size());
  for (size_t i = 0; i < documents.size(); ++i) documents[i].tokens = batch.cu_seqlens[i + 1] - batch.cu_seqlens[i];
  const auto classes = static_cast<size_t>(model.config().classes());
  if (classes > 0) {
    const std::vector<float> logits = forward_logits(model, batch, micro_batch_tokens);
    for (size_t i = 0; i < batch.rows.size(); ++i) {
      const auto row = std::span(logits).subspan(i * classes, classes);
      const auto target = static_cast<size_t>(batch.targets[i]);
      const auto predicted = static_cast<size_t>(std::max_element(row.begin(), row.end()) - row.begin());
      EvalResult& document = documents[document_of(batch, batch.rows[i])];
      document.loss_sum -= log_softmax(row)[target];
      ++document.trained_tokens;
      document.classes.resize(classes);
      ++document.classes[target].actual;
      ++document.classes[predicted].predicted;
      if (target == predicted) ++document.classes[target].right;
    }
    return documents;
  }
  const std::vector<float> losses =
      forward_losses(model, padded_for(model.context().device, batch, micro_batch_tokens));
  for (size_t i = 0; i < batch.rows.size(); ++i) {
    EvalResult& document = documents[document_of(batch, batch.rows[i])];
    document.loss_sum += losses[i];
    ++document.trained_tokens;
  }
  return documents;
}

}  // namespace

double ClassCounts::precision() const { return share(right, predicted); }
double ClassCounts::recall() const { return share(right, actual); }
double ClassCounts::f1() const { return share(2 * right, actual + predicted); }

double EvalResult::accuracy() const {
  int64_t right = 0;
  for (const ClassCounts& c : classes) right += c.right;
  return share(right, trained_tokens);
}

double EvalResult::macro_f1() const {
  double sum = 0;
  int64_t seen = 0;
  for (const ClassCounts& c : classes) {
    if (c.actual + c.predicted == 0) continue;
    sum += c.f1();
    ++seen;
  }
  return seen > 0 ? sum / static_cast<double>(seen) : 0;
}

double EvalResult::perplexity() const { return std::exp(loss()); }

void EvalResult::add(const EvalResult& other) {
  loss_sum += other.loss_sum;
  trained_tokens += other.trained_tokens;
  tokens += other.tokens;
  if (classes.size() < other.classes.size()) classes.resize(other.classes.size());
  for (size_t i = 0; i < other.classes.size(); ++i) {
    classes[i].actual += other.classes[i].actual;
    classes[i].predicted += other.classes[i].predicted;
    classes[i].right += other.classes[i].right;
  }
}

Evaluation evaluate(Decoder& model, const ExampleSet& examples, int64_t micro_batch_tokens) {
  Evaluation result;
  for (const Batch& batch : evaluation_batches(examples, micro_batch_tokens)) {
    const std::vector<EvalResult> documents = run_batch(model, batch, micro_batch_tokens);
    for (size_t i = 0; i < documents.size(); ++i) {
      result.all.add(documents[i]);
      const std::string_view slice = examples[static_cast<size_t>(batch.examples[i])].slice;
      if (!slice.empty()) result.slices[std::string(slice)].add(documents[i]);
    }
  }
  return result;
}

}  // namespace lorica
