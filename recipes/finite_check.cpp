#include "recipes/finite_check.h"

#include <cmath>

namespace lorica {
namespace {

struct Found {
  std::string op;
  bool backward;
  int64_t row;  ///< of the first dimension
  int64_t rows;
};

int64_t first_bad_element(const Tensor& tensor) {
  return visit_float(tensor.dtype(), [&]<class T>() -> int64_t {
    const Tensor host = host_copy(tensor);
    const T* values = host.in().as<T>();
    for (int64_t i = 0; i < tensor.elements(); ++i)
      if (!std::isfinite(static_cast<float>(values[i]))) return i;
    return -1;
  });
}

}  // namespace

std::string first_not_finite(Decoder& model, const std::vector<Batch>& batches, const ExampleSet& examples,
                             MicroStepOptions options) {
  for (const Parameter* parameter : model.parameters())
    if (first_bad_element(parameter->value) >= 0) return fmt::format("the parameter {} is not", parameter->name);
  options.inspector = [](const char* op, bool backward, const Tensor& result) {
    if (result.elements() == 0) return;
    const int64_t at = first_bad_element(result);
    if (at < 0) return;
    throw Found{op, backward, at / (result.elements() / result.shape()[0]), result.shape()[0]};
  };
  for (const Batch& batch : batches) {
    try {
      forward_backward(model, batch, options);
    } catch (const Found& found) {
      const std::string where = found.backward ? "gradient" : "result";
      const auto tokens = static_cast<int64_t>(batch.ids.size());
      const bool by_loss = found.op == "head_loss" && !found.backward;
      if (!by_loss && (found.backward || found.rows % tokens != 0))
        return fmt::format("first in the {} of {}, in a batch of {} rows from {}:{} on", where, found.op,
                           batch.examples.size(), examples[static_cast<size_t>(batch.examples[0])].file,
                           examples[static_cast<size_t>(batch.examples[0])].line);
      const int64_t token = by_loss ? batch.rows[static_cast<size_t>(found.row)] : found.row / (found.rows / tokens);
      const ExampleView example = examples[static_cast<size_t>(batch.examples[document_of(batch, token)])];
      return fmt::format("first in the {} of {}, at {}:{}", where, found.op, example.file, example.line);
    }
    options.stream += 1;
  }
  return "a second run of the same step found nothing";
}

}  // namespace lorica
