#include "engine/model/lora.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tests/support/tiny_model.h"

namespace lorica {
namespace {

std::set<std::string> adapted(const test::TinyModel& tiny) {
  std::set<std::string> names;
  for (const LinearLayer* layer : tiny.model->linears())
    if (layer->lora) names.insert(layer->name());
  return names;
}
std::set<std::string> adapted_by(const LoraOptions& options, const char* family = "llama") {
  test::TinyModel tiny(family);
  attach_lora(*tiny.model, options);
  return adapted(tiny);
}
std::string failure(const LoraOptions& options) {
  return test::message_of([&] { adapted_by(options); });
}

TEST(Lora, TargetsAreChosenAsPeftDoes) {
  EXPECT_EQ(adapted_by({.target_modules = {"q_proj"}}),
            (std::set<std::string>{"model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj"}));
  EXPECT_EQ(adapted_by({.target_modules = {"1.self_attn.k_proj", "model.layers.0.mlp.up_proj"}}),
            (std::set<std::string>{"model.layers.0.mlp.up_proj", "model.layers.1.self_attn.k_proj"}));
  EXPECT_EQ(adapted_by({}).size(), 14u);
  EXPECT_EQ(adapted_by({}).count("lm_head"), 0u);
  EXPECT_EQ(adapted_by({}, "gpt2").size(), 8u);
  EXPECT_EQ(adapted_by({.target_modules = {"c_proj"}}, "gpt2").size(), 4u);  // of attention and MLP
  EXPECT_EQ(adapted_by({.target_modules = {"v_proj", "o_proj"}, .layers_to_transform = {1}}),
            (std::set<std::string>{"model.layers.1.self_attn.v_proj", "model.layers.1.self_attn.o_proj"}));
}

TEST(Lora, WhatFitsNothingIsNamed) {
  EXPECT_EQ(
      failure({.target_modules = {"q_proj", "c_attn"}}),
      "adapter.target_modules: 'c_attn' names no linear layer of this model (it has q_proj, k_proj, v_proj, o_proj, "
      "gate_proj, up_proj, down_proj)");
  EXPECT_NE(failure({.target_modules = {"proj"}}), "");  // no match within a name
  EXPECT_EQ(failure({.layers_to_transform = {2}}), "adapter.layers_to_transform: layer 2: the model has layers 0 to 1");
  EXPECT_EQ(failure({.layers_to_transform = {-1}}),
            "adapter.layers_to_transform: layer -1: the model has layers 0 to 1");
  EXPECT_EQ(failure({.target_modules = {"model.layers.0.mlp.up_proj"}, .layers_to_transform = {1}}),
            "adapter: no layer is left to adapt");
}

TEST(Lora, StartsWithinTheBoundAndWithoutEffect) {
  test::TinyModel tiny;
  const Batch batch = test::random_batch({20}, 1);
  const std::vector<float> before = forward_losses(*tiny.model, batch);
  attach_lora(*tiny.model, {.r = 8, .seed = 3});
  EXPECT_EQ(forward_losses(*tiny.model, batch), before);
  for (const LinearLayer* layer : tiny.model->linears()) {
    const Tensor& a = layer->lora->a.value;
    EXPECT_EQ(a.shape().text(), Shape({8, layer->in_features()}).text());
    EXPECT_EQ(layer->lora->b.value.shape().text(), Shape({layer->out_features(), 8}).text());
    const double bound = 1 / std::sqrt(static_cast<double>(layer->in_features()));
    const auto n = static_cast<double>(a.elements());
    double sum = 0, squares = 0, largest = 0;
    for (int64_t i = 0; i < a.elements(); ++i) {
      const double v = static_cast<double>(a.as<float>()[i]) / bound;
      sum += v;
      squares += v * v;
      largest = std::max(largest, std::abs(v));
    }
    EXPECT_LE(largest, 1.0000001);
    EXPECT_GT(largest, 0.95);
    EXPECT_NEAR(sum / n, 0, 5 * std::sqrt(1 / 3.0 / n));             // uniform: mean 0,
    EXPECT_NEAR(squares / n, 1 / 3.0, 5 * std::sqrt(4 / 45.0 / n));  // variance 1/3, whose own spread is 4/45
    for (int64_t i = 0; i < layer->lora->b.value.elements(); ++i) EXPECT_EQ(layer->lora->b.value.as<float>()[i], 0.0f);
  }
}

TEST(Lora, TheSeedDecidesAndModulesDiffer) {
  const auto values = [](uint64_t seed, const std::vector<std::string>& targets, const std::string& name) {
    test::TinyModel tiny;
    attach_lora(*tiny.model, {.r = 4, .target_modules = targets, .seed = seed});
    for (const LinearLayer* layer : tiny.model->linears())
      if (layer->name() == name) {
        const Tensor& a = layer->lora->a.value;
        return std::vector<float>(a.as<float>(), a.as<float>() + a.elements());
      }
    return std::vector<float>();
  };
  const std::string q = "model.layers.0.self_attn.q_proj", k = "model.layers.0.self_attn.k_proj";
  EXPECT_EQ(values(1, {}, k), values(1, {}, k));
  EXPECT_EQ(values(1, {}, k), values(1, {"k_proj"}, k));  // whatever else is adapted
  EXPECT_NE(values(1, {}, k), values(2, {}, k));
  EXPECT_NE(values(1, {}, k), values(1, {}, q));
}

TEST(Lora, Scale) {
  EXPECT_DOUBLE_EQ(lora_scale(16, 32, false), 2);
  EXPECT_DOUBLE_EQ(lora_scale(16, 32, true), 8);
  EXPECT_DOUBLE_EQ(lora_scale(4, 6, false), 1.5);
  test::TinyModel tiny;
  attach_lora(*tiny.model, {.r = 9, .lora_alpha = 6, .use_rslora = true});
  EXPECT_FLOAT_EQ(tiny.model->linears()[0]->lora->scale, 2);
}

TEST(Lora, BlockNumbers) {
  EXPECT_EQ(block_number("model.layers.12.mlp.up_proj"), 12);
  EXPECT_EQ(block_number("transformer.h.3.attn.c_attn"), 3);
  EXPECT_EQ(block_number("lm_head"), -1);
  EXPECT_EQ(block_number("model.layer2.x"), -1);
}

}  // namespace
}  // namespace lorica
