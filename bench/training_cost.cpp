#include "bench/training_cost.h"

namespace lorica::bench {

TrainingCost lora_training_cost(const Decoder& model, int64_t rank, std::span<const int64_t> lengths) {
  const ModelConfig& config = model.config();
  double weights = static_cast<double>(config.vocab_size) * static_cast<double>(config.hidden_size), adapters = 0;
  for (const LinearLayer* layer : model.linears()) {
    const auto in = static_cast<double>(layer->in_features()), out = static_cast<double>(layer->out_features());
    weights += in * out;
    adapters += static_cast<double>(rank) * (in + out);
  }
  double tokens = 0, squares = 0;
  for (const int64_t length : lengths) {
    tokens += static_cast<double>(length);
    squares += static_cast<double>(length) * static_cast<double>(length);
  }
  const double mean_length = tokens > 0 ? squares / tokens : 0;
  const auto width = static_cast<double>(config.heads * config.head_dim);
  return {.base = 4 * weights,
          .attention = 6 * static_cast<double>(config.layers) * width * mean_length,
          .lora = 6 * adapters};
}

}  // namespace lorica::bench
