// Models with random weights: the tensors that Transformers has, distributed as it draws them.
#include "recipes/init_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/model/weight_list.h"
#include "io/formats/file_bytes.h"
#include "io/formats/safetensors_folder.h"
#include "tests/io/formats_support.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TempFolder;

fs::path golden(const std::string& family) { return fs::path(TEST_DATA) / "golden" / family; }

InitOptions options_for(const fs::path& config, const fs::path& to) { return {.config = config, .to = to, .seed = 3}; }

std::map<std::string, std::string> shapes_in(const fs::path& folder) {
  const SafetensorsFolder weights(folder);
  std::map<std::string, std::string> shapes;
  for (const std::string& name : weights.names()) shapes[name] = weights.tensor(name).shape.text();
  return shapes;
}

std::vector<double> values_of(const SafetensorsFolder& weights, const std::string& name) {
  const In view = weights.tensor(name);
  std::vector<double> values;
  for (int64_t i = 0; i < view.elements(); ++i)
    values.push_back(view.dtype == Dtype::f32 ? static_cast<double>(view.as<float>()[i])
                                              : static_cast<double>(static_cast<float>(view.as<bf16>()[i])));
  return values;
}

/// Mean and deviation as expected of n normal values of this spread, within five standard errors; the fourth moment
/// tells them from uniform ones (3 against 1.8).
void expect_normal(const std::vector<double>& values, double spread) {
  const auto n = static_cast<double>(values.size());
  double mean = 0, square = 0, fourth = 0;
  for (double v : values) mean += v / n, square += v * v / n, fourth += v * v * v * v / n;
  EXPECT_NEAR(mean, 0, 5 * spread / std::sqrt(n));
  EXPECT_NEAR(std::sqrt(square), spread, 5 * spread / std::sqrt(2 * n));
  EXPECT_NEAR(fourth / (square * square), 3, 5 * std::sqrt(24 / n));
}

std::string message_of(const InitOptions& options) {
  return error_of([&] { init_model(options); });
}

TEST(InitModel, HasTheTensorsThatTransformersSaves) {
  for (const fs::directory_entry& family : fs::directory_iterator(fs::path(TEST_DATA) / "golden")) {
    SCOPED_TRACE(family.path().filename());
    const TempFolder folder;
    const InitResult result = init_model(options_for(family.path() / "config.json", folder / "m"));
    EXPECT_EQ(shapes_in(folder / "m"), shapes_in(family.path()));
    EXPECT_EQ(static_cast<size_t>(result.tensors), shapes_in(family.path()).size());
    EXPECT_EQ(read_file(folder / "m" / "config.json"), read_file(family.path() / "config.json"));
  }
}

TEST(InitModel, DrawsWhatTransformersDraws) {
  for (const Dtype dtype : {Dtype::f32, Dtype::bf16}) {
    const TempFolder folder;
    InitOptions options = options_for(golden("qwen2") / "config.json", folder / "m");
    options.dtype = dtype;
    init_model(options);
    const SafetensorsFolder weights(folder / "m");
    for (const std::string& name : weights.names()) {
      SCOPED_TRACE(name);
      EXPECT_EQ(weights.tensor(name).dtype, dtype);
      const std::vector<double> values = values_of(weights, name);
      if (weights.tensor(name).shape.rank() == 2)
        expect_normal(values, 0.02);
      else
        EXPECT_EQ(values, std::vector<double>(values.size(), name.ends_with(".bias") ? 0.0 : 1.0));
    }
  }
}

/// Gemma multiplies by one more than what it stores.
TEST(InitModel, LeavesTheNormsOfGemmaAtZero) {
  const TempFolder folder;
  init_model(options_for(golden("gemma2") / "config.json", folder / "m"));
  const SafetensorsFolder weights(folder / "m");
  for (const char* name : {"model.norm.weight", "model.layers.0.pre_feedforward_layernorm.weight"})
    for (const double value : values_of(weights, name)) EXPECT_EQ(value, 0) << name;
}

TEST(InitModel, ScalesTheProjectionsOfGpt2ByDepth) {
  const TempFolder folder;
  nlohmann::json config = nlohmann::json::parse(read_file(golden("gpt2") / "config.json"));
  config["initializer_range"] = 0.5;
  write_file_atomically(folder / "config.json", config.dump());
  InitOptions options = options_for(folder / "config.json", folder / "m");
  init_model(options);
  const SafetensorsFolder weights(folder / "m");
  const double layers = config.at("n_layer");
  expect_normal(values_of(weights, "transformer.h.0.mlp.c_proj.weight"), 0.5 / std::sqrt(2 * layers));
  expect_normal(values_of(weights, "transformer.h.0.mlp.c_fc.weight"), 0.5);
  EXPECT_EQ(values_of(weights, "transformer.h.1.ln_1.weight")[0], 1);
  EXPECT_EQ(values_of(weights, "transformer.h.1.ln_1.bias")[0], 0);
}

TEST(InitModel, TensorsDifferFromEachOtherAndFollowTheSeed) {
  const TempFolder folder;
  InitOptions options = options_for(golden("llama") / "config.json", folder / "a");
  init_model(options);
  options.to = folder / "b";
  init_model(options);
  options.to = folder / "c";
  options.seed = 4;
  init_model(options);
  const auto bytes = [&](const char* name) { return read_file(folder / name / "model.safetensors"); };
  EXPECT_TRUE(bytes("a") == bytes("b"));
  EXPECT_FALSE(bytes("a") == bytes("c"));
  const SafetensorsFolder weights(folder / "a");
  EXPECT_NE(values_of(weights, "model.layers.0.mlp.up_proj.weight"),
            values_of(weights, "model.layers.1.mlp.up_proj.weight"));
}

TEST(InitModel, ShardsHoldTheSameTensors) {
  const TempFolder folder;
  InitOptions options = options_for(golden("llama") / "config.json", folder / "whole");
  init_model(options);
  options.to = folder / "parts";
  options.shard_bytes = 20000;
  const InitResult result = init_model(options);
  EXPECT_GT(result.files, 2u);
  EXPECT_FALSE(fs::exists(folder / "parts" / "model.safetensors"));
  const SafetensorsFolder whole(folder / "whole"), parts(folder / "parts");
  EXPECT_EQ(parts.files().size(), result.files);
  EXPECT_EQ(shapes_in(folder / "parts"), shapes_in(folder / "whole"));
  for (const std::string& name : whole.names()) EXPECT_EQ(values_of(whole, name), values_of(parts, name)) << name;
}

/// Parameters as the models' cards give them; the embedding counts once where the head shares it.
TEST(InitModel, ConfigurationsOfTheBenchmarksHaveTheirModelsSizes) {
  const std::map<std::string, double> millions = {{"smollm2-135m", 134.515008}, {"qwen2.5-0.5b", 494.032768},
                                                  {"llama-3.2-1b", 1235.8144},  {"qwen2.5-1.5b", 1543.714304},
                                                  {"qwen3-0.6b", 596.04992},    {"qwen3-1.7b", 1720.574976},
                                                  {"qwen3-8b", 8190.73536},     {"llama-3.1-8b", 8030.261248}};
  size_t found = 0;
  for (const fs::directory_entry& file : fs::directory_iterator(fs::path(SOURCE_ROOT) / "bench/configs")) {
    const std::string name = file.path().stem().string();
    ASSERT_TRUE(millions.contains(name)) << name;
    ++found;
    int64_t elements = 0;
    for (const StoredWeight& weight : stored_weights(parse_model_config(read_file(file.path()), file.path().string())))
      elements += weight.shape.elements();
    EXPECT_EQ(static_cast<double>(elements) / 1e6, millions.at(name)) << name;
  }
  EXPECT_EQ(found, millions.size());
}

TEST(InitModel, Errors) {
  const TempFolder folder;
  const std::string config = read_file(golden("llama") / "config.json");
  EXPECT_EQ(message_of(options_for(folder / "none.json", folder / "m")),
            (folder / "none.json").string() + ": cannot open: No such file or directory");
  write_file_atomically(folder / "bad.json", "{");
  EXPECT_TRUE(message_of(options_for(folder / "bad.json", folder / "m")).starts_with((folder / "bad.json").string()));
  nlohmann::json changed = nlohmann::json::parse(config);
  for (const nlohmann::json& wrong : {nlohmann::json("wide"), nlohmann::json(-1)}) {
    changed["initializer_range"] = wrong;
    write_file_atomically(folder / "range.json", changed.dump());
    EXPECT_EQ(message_of(options_for(folder / "range.json", folder / "m")),
              (folder / "range.json").string() + ": initializer_range: expected a number of at least 0, got '" +
                  wrong.dump() + "'");
  }
  EXPECT_FALSE(fs::exists(folder / "m"));
  fs::create_directory(folder / "full");
  write_file_atomically(folder / "full/file", "");
  EXPECT_EQ(message_of(options_for(golden("llama") / "config.json", folder / "full")),
            (folder / "full").string() + ": the folder is not empty");
  EXPECT_EQ(message_of(options_for(golden("llama") / "config.json", folder / "full/file")),
            (folder / "full/file").string() + ": is a file, expected a folder");
}

}  // namespace
}  // namespace lorica
