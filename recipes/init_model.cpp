#include "recipes/init_model.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/model/weight_list.h"
#include "io/formats/file_bytes.h"
#include "io/formats/safetensors_write.h"
#include "recipes/normal.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;

/// Fills rows of one tensor, as TensorToWrite asks for them.
template <class T>
auto filler(const InitOptions& options, const ModelConfig& config, const StoredWeight& weight, size_t number) {
  const bool matrix = weight.shape.rank() > 1;
  const float constant = weight.name.ends_with(".bias") ? 0.0f : 1.0f - config.norm_offset;
  double spread = static_cast<double>(config.initializer_range);
  if (config.family == "gpt2" && weight.name.ends_with(".c_proj.weight"))
    spread /= std::sqrt(2.0 * static_cast<double>(config.layers));
  const int64_t row = matrix ? weight.shape.elements() / weight.shape[0] : 1;
  return [=, seed = options.seed](int64_t first, int64_t rows, void* to) {
    if (matrix)
      fill_normal(seed, number, static_cast<float>(spread), first * row, rows * row, static_cast<T*>(to));
    else
      std::fill_n(static_cast<T*>(to), rows, T(constant));
  };
}

/// The tensors in files of at most `limit` bytes.
std::vector<std::vector<TensorToWrite>> shards_of(std::vector<TensorToWrite> tensors, int64_t limit) {
  std::vector<std::vector<TensorToWrite>> shards(1);
  int64_t bytes = 0;
  for (TensorToWrite& tensor : tensors) {
    if (bytes > 0 && bytes + tensor.view.bytes() > limit) {
      shards.emplace_back();
      bytes = 0;
    }
    bytes += tensor.view.bytes();
    shards.back().push_back(std::move(tensor));
  }
  return shards;
}

void write_weights(const fs::path& folder, std::vector<std::vector<TensorToWrite>> shards) {
  if (shards.size() == 1) return write_safetensors(folder / "model.safetensors", shards.front(), {{"format", "pt"}});
  nlohmann::ordered_json map = nlohmann::ordered_json::object();
  int64_t total = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    for (const TensorToWrite& tensor : shards[i]) {
      map[tensor.name] = name;
      total += tensor.view.bytes();
    }
    write_safetensors(folder / name, std::move(shards[i]), {{"format", "pt"}});
  }
  const nlohmann::ordered_json index{{"metadata", {{"total_size", total}}}, {"weight_map", map}};
  write_file_atomically(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

}  // namespace

InitResult init_model(const InitOptions& options) {
  const std::string json = read_file(options.config), origin = options.config.string();
  const ModelConfig config = parse_model_config(json, origin);
  const std::vector<StoredWeight> weights = stored_weights(config);
  InitResult result;
  std::vector<TensorToWrite> tensors;
  for (size_t i = 0; i < weights.size(); ++i) {
    const StoredWeight& weight = weights[i];
    ++result.tensors;
    result.parameters += weight.shape.elements();
    TensorToWrite tensor{.name = weight.name, .view = In(nullptr, weight.shape, options.dtype)};
    if (options.dtype == Dtype::f32)
      tensor.fill = filler<float>(options, config, weight, i);
    else
      tensor.fill = filler<bf16>(options, config, weight, i);
    tensors.push_back(std::move(tensor));
  }
  auto shards = shards_of(std::move(tensors), options.shard_bytes);
  result.files = shards.size();
  prepare_output_folder(options.to, options.overwrite);
  write_weights(options.to, std::move(shards));
  write_file_atomically(options.to / "config.json", json);  // last: a folder without it is no model
  return result;
}

}  // namespace lorica
