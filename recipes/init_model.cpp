#include "recipes/init_model.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numbers>

#include "engine/model/weight_list.h"
#include "io/formats/file_bytes.h"
#include "io/formats/safetensors_write.h"
#include "kernels/philox.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;

/// Four normal values by Box and Muller from the four words of one counter.
std::array<float, 4> normals(uint64_t seed, uint64_t stream, uint64_t index) {
  const std::array<uint32_t, 4> words = philox(seed, stream, index);
  std::array<float, 4> values{};
  for (size_t i = 0; i < 4; i += 2) {
    const float open = (static_cast<float>(words[i]) + 1.0f) * 0x1p-32f;  // in (0, 1]
    const float radius = std::sqrt(-2.0f * std::log(open));
    const float angle = 2.0f * std::numbers::pi_v<float> * 0x1p-32f * static_cast<float>(words[i + 1]);
    values[i] = radius * std::cos(angle);
    values[i + 1] = radius * std::sin(angle);
  }
  return values;
}

/// Elements [begin, begin + count) of a tensor of normal values.
template <class T>
void fill_normal(uint64_t seed, uint64_t tensor, float spread, int64_t begin, int64_t count, T* to) {
  const int64_t end = begin + count;
#pragma omp parallel for schedule(static)
  for (int64_t group = begin / 4; group < (end + 3) / 4; ++group) {
    const std::array<float, 4> values = normals(seed, tensor, static_cast<uint64_t>(group));
    for (int64_t i = std::max(begin, 4 * group); i < std::min(end, 4 * group + 4); ++i)
      to[i - begin] = T(spread * values[static_cast<size_t>(i % 4)]);
  }
}

double initializer_range(const std::string& json, const std::string& origin) {
  const nlohmann::json config = nlohmann::json::parse(json);  // parse_model_config() has read it before
  const auto found = config.find("initializer_range");
  if (found == config.end()) return 0.02;
  if (!found->is_number() || !(found->get<double>() >= 0) || !std::isfinite(found->get<double>()))
    throw Error("{}: initializer_range: expected a number of at least 0, got '{}'", origin, found->dump());
  return found->get<double>();
}

/// Fills rows of one tensor, as TensorToWrite asks for them.
template <class T>
auto filler(const InitOptions& options, const ModelConfig& config, double range, const StoredWeight& weight,
            size_t number) {
  const bool matrix = weight.shape.rank() > 1;
  const float constant = weight.name.ends_with(".bias") ? 0.0f : 1.0f - config.norm_offset;
  double spread = range;
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
  const double range = initializer_range(json, origin);
  const std::vector<StoredWeight> weights = stored_weights(config);
  InitResult result;
  std::vector<TensorToWrite> tensors;
  for (size_t i = 0; i < weights.size(); ++i) {
    const StoredWeight& weight = weights[i];
    ++result.tensors;
    result.parameters += weight.shape.elements();
    TensorToWrite tensor{.name = weight.name, .view = In(nullptr, weight.shape, options.dtype)};
    if (options.dtype == Dtype::f32)
      tensor.fill = filler<float>(options, config, range, weight, i);
    else
      tensor.fill = filler<bf16>(options, config, range, weight, i);
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
