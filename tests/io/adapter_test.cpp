#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/adapter/peft.h"
#include "io/formats/safetensors.h"
#include "io/formats/safetensors_write.h"
#include "tests/support/tiny_model.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A folder with the golden adapter of llama that a test may change.
class Adapter : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              (std::string("lorica_adapter_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    fs::copy(golden(), folder_, fs::copy_options::recursive);
  }
  void TearDown() override { fs::remove_all(folder_); }

  static fs::path golden() { return test::golden_folder("llama") / "adapter"; }
  json config() const { return json::parse(read_file(folder_ / "adapter_config.json")); }
  void change(const json& changes) const {
    json c = config();
    c.update(changes);
    write_file_atomically(folder_ / "adapter_config.json", c.dump());
  }
  /// Writes the golden tensors again; `edit` may drop (false) or rename one, or give it another shape.
  template <class Edit>
  void rewrite_tensors(Edit&& edit) const {
    const SafetensorsFile file(golden() / "adapter_model.safetensors");
    std::vector<TensorToWrite> tensors;
    for (const SafetensorsEntry& entry : file.entries()) {
      TensorToWrite tensor{.name = entry.name, .view = file.tensor(entry.name)};
      if (edit(tensor)) tensors.push_back(tensor);
    }
    write_safetensors(folder_ / "adapter_model.safetensors", tensors, {{"format", "pt"}});
  }
  std::string failure() const {
    const std::string message = test::message_of([&] {
      test::TinyModel tiny;
      PeftAdapter(folder_).attach_to(*tiny.model);
    });
    return message.starts_with(folder_.string()) ? message.substr(folder_.string().size()) : message;
  }
  fs::path folder_;
};

std::vector<float> values_of(const Decoder& model) {
  std::vector<float> all;
  for (const Parameter* p : model.parameters())
    all.insert(all.end(), p->value.as<float>(), p->value.as<float>() + p->value.elements());
  return all;
}

TEST_F(Adapter, IsReadAsItWasSaved) {
  const PeftAdapter adapter(folder_);
  EXPECT_EQ(adapter.config().r, 4);
  EXPECT_EQ(adapter.config().lora_alpha, 6);
  EXPECT_EQ(adapter.config().target_modules.size(), 7u);
  EXPECT_EQ(adapter.modules().size(), 14u);
  EXPECT_DOUBLE_EQ(adapter.modules().at("model.layers.1.mlp.up_proj").scale, 1.5);
  test::TinyModel tiny;
  adapter.attach_to(*tiny.model);
  const SafetensorsFile file(golden() / "adapter_model.safetensors");
  for (const Parameter* p : tiny.model->parameters()) {
    const In want = file.tensor("base_model.model." + p->name);
    ASSERT_EQ(want.shape.text(), p->value.shape().text());
    EXPECT_EQ(std::memcmp(want.data, p->value.as<float>(), static_cast<size_t>(want.bytes())), 0) << p->name;
  }
  EXPECT_EQ(tiny.model->parameters().size(), 28u);
}

TEST_F(Adapter, RoundTripKeepsEveryBit) {
  for (const char* family : {"llama", "gpt2", "qwen3"}) {
    test::TinyModel tiny(family), again(family);
    tiny.adapt({.r = 5, .lora_alpha = 12, .use_rslora = true, .seed = 9});
    const PeftConfig config{.r = 5, .lora_alpha = 12, .use_rslora = true, .base_model = "somebody/model"};
    write_peft_adapter(folder_ / "out", *tiny.model, config);
    PeftAdapter(folder_ / "out").attach_to(*again.model);
    EXPECT_EQ(values_of(*tiny.model), values_of(*again.model));
    const Batch batch = test::random_batch({20}, 1);
    EXPECT_EQ(forward_losses(*tiny.model, batch), forward_losses(*again.model, batch));
    write_peft_adapter(folder_ / "out2", *again.model, config);
    for (const char* name : {"adapter_config.json", "adapter_model.safetensors", "README.md"})
      EXPECT_EQ(read_file(folder_ / "out" / name), read_file(folder_ / "out2" / name)) << name;
  }
}

TEST_F(Adapter, ConfigHasTheKeysOfPeftSorted) {
  test::TinyModel tiny("gpt2");
  tiny.adapt({.r = 4, .lora_alpha = 8, .lora_dropout = 0.05});
  write_peft_adapter(folder_ / "out", *tiny.model, {.r = 4, .lora_alpha = 8, .lora_dropout = 0.05, .base_model = "b"});
  EXPECT_EQ(read_file(folder_ / "out" / "adapter_config.json"), R"({
  "alpha_pattern": {},
  "base_model_name_or_path": "b",
  "bias": "none",
  "fan_in_fan_out": true,
  "inference_mode": true,
  "init_lora_weights": true,
  "layers_pattern": null,
  "layers_to_transform": null,
  "lora_alpha": 8,
  "lora_dropout": 0.05,
  "modules_to_save": null,
  "peft_type": "LORA",
  "r": 4,
  "rank_pattern": {},
  "revision": null,
  "target_modules": [
    "c_attn",
    "c_fc",
    "c_proj"
  ],
  "task_type": "CAUSAL_LM",
  "use_dora": false,
  "use_rslora": false
})");
  const SafetensorsFile file(folder_ / "out" / "adapter_model.safetensors");
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
  EXPECT_NE(file.find("base_model.model.transformer.h.0.attn.c_attn.lora_A.weight"), nullptr);
}

TEST_F(Adapter, ANameThatStandsForOtherLayersTooIsWrittenAsAPath) {
  test::TinyModel tiny;
  tiny.adapt({.r = 4, .target_modules = {"1.self_attn.q_proj", "v_proj"}});
  write_peft_adapter(folder_ / "out", *tiny.model, {.r = 4});
  const json written = json::parse(read_file(folder_ / "out" / "adapter_config.json"));
  EXPECT_EQ(written["target_modules"], json({"model.layers.0.self_attn.v_proj", "model.layers.1.self_attn.q_proj",
                                             "model.layers.1.self_attn.v_proj"}));
}

TEST_F(Adapter, WhatCannotBeAppliedExactlyIsRefused) {
  const std::string at = "/adapter_config.json: ";
  const std::vector<std::pair<json, std::string>> cases = {
      {{{"peft_type", "IA3"}}, "peft_type: only LORA is supported, got 'IA3'"},
      {{{"bias", "all"}}, "bias: only \"none\" is supported, got 'all'"},
      {{{"use_dora", true}}, "use_dora: not supported (value true)"},
      {{{"modules_to_save", {"lm_head"}}},
       "modules_to_save: only a classifier's \"score\" is supported, got 'lm_head'"},
      {{{"lora_bias", true}}, "lora_bias: not supported (value true)"},
      {{{"layer_replication", {{0, 1}}}}, "layer_replication: not supported (value [[0,1]])"},
      {{{"a_new_switch", 3}}, "a_new_switch: not supported (value 3)"},
      {{{"r", 0}}, "r: expected a positive integer, got 0"},
      {{{"r", "four"}}, "r: wrong type: \"four\""},
      {{{"init_lora_weights", "pissa_niter_4"}},
       "init_lora_weights: \"pissa_niter_4\" changes the base weights, which is not supported; convert the adapter to "
       "a "
       "plain one with PEFT first"},
  };
  const json original = config();
  for (const auto& [changes, message] : cases) {
    write_file_atomically(folder_ / "adapter_config.json", original.dump());
    change(changes);
    EXPECT_EQ(failure(), at + message);
  }
  json without = original;
  without.erase("lora_alpha");
  write_file_atomically(folder_ / "adapter_config.json", without.dump());
  EXPECT_EQ(failure(), at + "missing key 'lora_alpha'");
  write_file_atomically(folder_ / "adapter_config.json", "[]");
  EXPECT_EQ(failure(), at + "not a JSON object");
  write_file_atomically(folder_ / "adapter_config.json", original.dump());
  change({{"a_new_switch", false}, {"another", nullptr}, {"target_modules", "all-linear"}});
  EXPECT_EQ(failure(), "");
}

TEST_F(Adapter, TensorsThatDoNotGoTogetherAreNamed) {
  const std::string at = "/adapter_model.safetensors: ",
                    b = "base_model.model.model.layers.0.mlp.up_proj.lora_B.weight";
  rewrite_tensors([&](const TensorToWrite& t) { return t.name != b; });
  EXPECT_EQ(failure(), at + "model.layers.0.mlp.up_proj: lora_B is missing");
  rewrite_tensors([&](TensorToWrite& t) {
    if (t.name == b) t.view.shape = {160, 2};
    return true;
  });
  EXPECT_EQ(failure(), at + "model.layers.0.mlp.up_proj: lora_A [4, 48] and lora_B [160, 2] do not go together");
  rewrite_tensors([&](TensorToWrite& t) {
    if (t.name == b) t.name = "base_model.model.model.layers.0.mlp.up_proj.lora_magnitude_vector";
    return true;
  });
  EXPECT_EQ(failure(),
            at + "tensor 'base_model.model.model.layers.0.mlp.up_proj.lora_magnitude_vector': not a LoRA factor "
                 "of a linear layer; such adapters are not supported");
  rewrite_tensors([](const TensorToWrite&) { return false; });
  EXPECT_EQ(failure(), at + "holds no adapter");
}

TEST_F(Adapter, AnotherModelIsNoticed) {
  rewrite_tensors([](TensorToWrite& t) {
    const size_t found = t.name.find("layers.1.");
    if (found != std::string::npos) t.name[found + 7] = '5';
    return true;
  });
  EXPECT_EQ(failure(),
            ": the adapter is for another model: this one has no linear layer 'model.layers.5.mlp.down_proj'");
  rewrite_tensors([](TensorToWrite& t) {
    if (t.name.ends_with("0.mlp.up_proj.lora_A.weight")) t.view.shape = {4, 24};
    return true;
  });
  EXPECT_EQ(
      failure(),
      ": the adapter is for another model: model.layers.0.mlp.up_proj is [80, 48] here, the adapter has [80, 24]");
}

TEST_F(Adapter, PatternsSetScales) {
  change({{"alpha_pattern", {{"layers.0.mlp.up_proj", 20}, {"up_proj", 8}, {".*\\.1\\.self_attn\\.[qk]_proj", 2}}}});
  const auto scale = [&](const std::string& module) { return PeftAdapter(folder_).modules().at(module).scale; };
  // the first key in sorted order wins, as in a file that PEFT saved
  EXPECT_DOUBLE_EQ(scale("model.layers.0.mlp.up_proj"), 5);
  EXPECT_DOUBLE_EQ(scale("model.layers.1.mlp.up_proj"), 2);
  EXPECT_DOUBLE_EQ(scale("model.layers.1.self_attn.q_proj"), 0.5);
  EXPECT_DOUBLE_EQ(scale("model.layers.0.self_attn.q_proj"), 1.5);
  EXPECT_DOUBLE_EQ(scale("model.layers.0.mlp.gate_proj"), 1.5);  // "up_proj" is no end of it
  change({{"use_rslora", true}});
  EXPECT_DOUBLE_EQ(scale("model.layers.0.self_attn.q_proj"), 3);
  change({{"alpha_pattern", {{"(", 1}}}});
  EXPECT_NE(failure().find("alpha_pattern: '(' is not a regular expression"), std::string::npos);
}

TEST_F(Adapter, RankPatternGivesARankForEachModule) {
  std::vector<float> halves(2 * 80 + 2 * 48, 0.25f);
  rewrite_tensors([&](TensorToWrite& t) {
    if (t.name.ends_with("0.mlp.up_proj.lora_A.weight")) t.view = In(halves.data(), {2, 48}, Dtype::f32);
    if (t.name.ends_with("0.mlp.up_proj.lora_B.weight")) t.view = In(halves.data(), {80, 2}, Dtype::f32);
    return true;
  });
  change({{"rank_pattern", {{"layers.0.mlp.up_proj", 2}}}});
  test::TinyModel tiny;
  const PeftAdapter adapter(folder_);
  adapter.attach_to(*tiny.model);
  EXPECT_DOUBLE_EQ(adapter.modules().at("model.layers.0.mlp.up_proj").scale, 3);
  EXPECT_DOUBLE_EQ(adapter.modules().at("model.layers.1.mlp.up_proj").scale, 1.5);
  for (const LinearLayer* layer : tiny.model->linears())
    EXPECT_EQ(layer->lora->rank, layer->name() == "model.layers.0.mlp.up_proj" ? 2 : 4);
}

}  // namespace
}  // namespace lorica
