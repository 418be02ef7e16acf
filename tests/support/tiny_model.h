#pragma once
#include <filesystem>
#include <memory>
#include <random>
#include <string>

#include "engine/model/lora.h"
#include "io/formats/file_bytes.h"
#include "io/formats/safetensors_folder.h"
#include "recipes/micro_step.h"

namespace lorica::test {

inline std::filesystem::path golden_folder(const std::string& family) {
  return std::filesystem::path(TEST_DATA) / "golden" / family;
}

/// One of the tiny golden models (2 blocks, width 48, vocabulary 131), with its context and arenas.
struct TinyModel {
  explicit TinyModel(const std::string& family = "llama", Dtype dtype = Dtype::f32, bool trained = false,
                     Device device = Device::kCpu)
      : context(device),
        lasting(context.memory()),
        arena(context.memory()),
        config(parse_model_config(read_file(golden_folder(family) / "config.json"), "config.json")) {
    const BuildOptions build{
        .weights = std::make_shared<SafetensorsFolder>(golden_folder(family)), .dtype = dtype, .trained = trained};
    model = Decoder::build(context, {lasting, arena}, config, build);
  }
  /// A fresh adapter, with B drawn too so that every gradient is there.
  void adapt(const LoraOptions& options, double spread = 0.2) {
    attach_lora(*model, options);
    std::mt19937_64 generator(7);
    std::normal_distribution<double> normal(0, spread);
    for (LinearLayer* layer : model->linears()) {
      if (!layer->lora) continue;
      std::vector<float> b(static_cast<size_t>(layer->lora->b.value.elements()));
      for (float& value : b) value = static_cast<float>(normal(generator));
      layer->lora->b.value.copy_in(b.data());
    }
  }

  Context context;
  Arena lasting, arena;  ///< arena: of passes
  ModelConfig config;
  std::unique_ptr<Decoder> model;
};

/// Random documents of these lengths; every token but the first of each is trained.
inline Batch random_batch(const std::vector<int>& lengths, uint64_t seed, int32_t vocabulary = 131) {
  std::mt19937_64 generator(seed);
  Batch batch;
  batch.cu_seqlens.push_back(0);
  for (int length : lengths) {
    for (int t = 0; t < length; ++t) {
      const auto id = static_cast<int32_t>(generator() % static_cast<uint64_t>(vocabulary));
      if (t > 0) {
        batch.rows.push_back(static_cast<int32_t>(batch.ids.size()) - 1);
        batch.targets.push_back(id);
      }
      batch.ids.push_back(id);
      batch.positions.push_back(t);
    }
    batch.cu_seqlens.push_back(static_cast<int32_t>(batch.ids.size()));
    batch.examples.push_back(static_cast<int64_t>(batch.examples.size()));
  }
  return batch;
}

/// All gradients one after the other; a parameter without one counts as zeros.
inline std::vector<float> gradients_of(const Decoder& model) {
  std::vector<float> all;
  for (const Parameter* p : model.parameters()) {
    if (!p->has_gradient) {
      all.insert(all.end(), static_cast<size_t>(p->value.elements()), 0.0f);
      continue;
    }
    const std::vector<float> g = to_host<float>(p->gradient);
    all.insert(all.end(), g.begin(), g.end());
  }
  return all;
}

inline void clear_gradients(const Decoder& model) {
  for (Parameter* p : model.parameters()) p->clear();
}

/// The message of the exception that `run` throws, or "" when it throws none.
template <class Failure = Error, class Run>
std::string message_of(Run&& run) {
  try {
    run();
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

}  // namespace lorica::test
