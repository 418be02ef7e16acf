#include "engine/model/config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/tiny_model.h"

namespace lorica {
namespace {

using nlohmann::json;

json llama() {
  return {{"model_type", "llama"},    {"vocab_size", 100},      {"hidden_size", 64},
          {"intermediate_size", 96},  {"num_hidden_layers", 3}, {"num_attention_heads", 4},
          {"num_key_value_heads", 2}, {"rms_norm_eps", 1e-5},   {"max_position_embeddings", 512}};
}
json gpt2() {
  return {{"model_type", "gpt2"}, {"vocab_size", 100}, {"n_embd", 64},
          {"n_layer", 3},         {"n_head", 4},       {"n_positions", 128}};
}
json with(json base, const json& changes) {
  base.update(changes);
  return base;
}
std::string failure(const json& object) {
  return test::message_of([&] { parse_model_config(object.dump(), "m/config.json"); });
}

TEST(Config, EveryMistakeIsNamed) {
  json no_vocabulary = llama();
  no_vocabulary.erase("vocab_size");
  const std::vector<std::pair<json, std::string>> cases = {
      {json::array(), "m/config.json: not a JSON object"},
      {json::object(), "m/config.json: missing key 'model_type'"},
      {{{"model_type", "mamba"}},
       "m/config.json: model_type 'mamba' is not supported (gemma2, gemma3_text, gpt2, granite, llama, mistral, olmo2, "
       "phi3, qwen2, qwen3, smollm3 are)"},
      {no_vocabulary, "m/config.json: missing key 'vocab_size'"},
      {with(llama(), {{"vocab_size", nullptr}}), "m/config.json: missing key 'vocab_size'"},
      {with(llama(), {{"vocab_size", "100"}}), "m/config.json: vocab_size: wrong type: \"100\""},
      {with(llama(), {{"vocab_size", 99.5}}), "m/config.json: vocab_size: wrong type: 99.5"},
      {with(llama(), {{"vocab_size", true}}), "m/config.json: vocab_size: wrong type: true"},
      {with(llama(), {{"hidden_size", 0}}), "m/config.json: hidden_size: expected a positive integer, got 0"},
      {with(llama(), {{"num_hidden_layers", -2}}),
       "m/config.json: num_hidden_layers: expected a positive integer, got -2"},
      {with(llama(), {{"rms_norm_eps", "small"}}), "m/config.json: rms_norm_eps: wrong type: \"small\""},
      {with(llama(), {{"tie_word_embeddings", 1}}), "m/config.json: tie_word_embeddings: wrong type: 1"},
      {with(llama(), {{"hidden_size", 66}}), "m/config.json: hidden_size 66 is no multiple of num_attention_heads 4"},
      {with(llama(), {{"num_key_value_heads", 3}}),
       "m/config.json: num_attention_heads 4 is no multiple of num_key_value_heads 3"},
      {with(llama(), {{"hidden_act", "relu"}}), "m/config.json: hidden_act: unknown activation 'relu'"},
      {with(llama(), {{"attention_dropout", 0.1}}), "m/config.json: attention_dropout: only 0.0 is supported, got 0.1"},
      {with(llama(), {{"logit_scale", 0.5}}),
       "m/config.json: logit_scale: not known for model_type 'llama' (value 0.5); remove the key if it does not change "
       "the maths"},
      {with(llama(), {{"rope_scaling", {{"rope_type", "mrope"}, {"factor", 4.0}}}}),
       "m/config.json: rope_scaling: rope_type 'mrope' is not supported (default, linear, dynamic, llama3, yarn, "
       "longrope are)"},
      {with(llama(), {{"rope_scaling", {{"type", "dynamic"}}}}), "m/config.json: rope_scaling: missing key 'factor'"},
      {with(llama(), {{"rope_scaling", {{"rope_type", "yarn"}, {"factor", 4.0}, {"beta_fast", 0.5}}}}),
       "m/config.json: rope_scaling: beta_fast: value out of range: 0.5"},
      {with(llama(), {{"rope_scaling", {{"rope_type", "longrope"}, {"short_factor", {1.0}}, {"long_factor", {2.0}}}}}),
       "m/config.json: short_factor and long_factor: expected 8 values, got 1 and 1"},
      {with(llama(), {{"rope_parameters", {{"full_attention", {{"rope_type", "default"}}}}}}),
       "m/config.json: rope_parameters: parameters by layer type are not known for this model_type"},
      {with(llama(), {{"model_type", "granite"}, {"residual_multiplier", -1.0}}),
       "m/config.json: residual_multiplier: value out of range: -1"},
      {with(llama(), {{"model_type", "smollm3"}, {"no_rope_layers", {1, 0}}}),
       "m/config.json: no_rope_layers: 2 entries for 3 layers"},
      {with(llama(), {{"model_type", "gemma2"}, {"attn_logit_softcapping", -2.0}}),
       "m/config.json: attn_logit_softcapping: value out of range: -2"},
      {with(llama(), {{"model_type", "gemma3_text"}, {"use_bidirectional_attention", true}}),
       "m/config.json: use_bidirectional_attention: only false is supported, got true"},
      {with(llama(), {{"rope_scaling", {{"rope_type", "linear"}}}}),
       "m/config.json: rope_scaling: missing key 'factor'"},
      {with(llama(), {{"rope_scaling", "linear"}}), "m/config.json: rope_scaling: expected an object"},
      {with(llama(), {{"rope_parameters", {{"rope_type", "linear"}, {"factor", 2.0}, {"attention_factor", 1.5}}}}),
       "m/config.json: rope_parameters: attention_factor: not known for model_type 'rope_type linear' (value 1.5); "
       "remove the key if it does not change the maths"},
      {with(llama(), {{"layer_types", {"full_attention"}}}), "m/config.json: layer_types: 1 entries for 3 layers"},
      {with(llama(), {{"layer_types", {"full_attention", "full_attention", "linear_attention"}}}),
       "m/config.json: layer_types: 'linear_attention' is not supported"},
      {with(llama(), {{"layer_types", {"full_attention", "full_attention", "sliding_attention"}}}),
       "m/config.json: layer_types asks for sliding_attention without sliding_window"},
      {with(llama(), {{"eos_token_id", "</s>"}}), "m/config.json: eos_token_id: wrong type: \"</s>\""},
      {with(gpt2(), {{"n_head", 5}}), "m/config.json: n_embd 64 is no multiple of n_head 5"},
      {with(gpt2(), {{"activation_function", "relu"}}),
       "m/config.json: activation_function: unknown activation 'relu'"},
      {with(gpt2(), {{"add_cross_attention", true}}),
       "m/config.json: add_cross_attention: only false is supported, got true"},
  };
  for (const auto& [object, message] : cases) EXPECT_EQ(failure(object), message);
  EXPECT_EQ(test::message_of([&] { parse_model_config("{\"model_type\": ", "m/config.json"); }),
            "m/config.json: not a JSON object");
}

TEST(Config, ValuesOutOfRangeAreRefusedWhereverTheyStand) {
  const json llama3 = {{"rope_type", "llama3"},
                       {"factor", 8.0},
                       {"low_freq_factor", 1.0},
                       {"high_freq_factor", 4.0},
                       {"original_max_position_embeddings", 8192}};
  EXPECT_EQ(failure(with(llama(), {{"rope_scaling", llama3}})), "");
  const std::vector<std::pair<json, std::string>> cases = {
      {{{"rope_theta", 0.0}}, "rope_theta: value out of range: 0"},
      {{{"partial_rotary_factor", 1.5}}, "partial_rotary_factor: value out of range: 1.5"},
      {{{"rope_parameters", {{"rope_type", "default"}, {"rope_theta", -1.0}}}},
       "rope_parameters: rope_theta: value out of range: -1"},
      {{{"rope_scaling", {{"rope_type", "linear"}, {"factor", 0.0}}}}, "rope_scaling: factor: value out of range: 0"},
      {{{"rope_scaling", with(llama3, {{"high_freq_factor", 1.0}})}},
       "rope_scaling: high_freq_factor: value out of range: 1"},
      {{{"rope_scaling", with(llama3, {{"low_freq_factor", 0.0}})}},
       "rope_scaling: low_freq_factor: value out of range: 0"},
      {{{"rms_norm_eps", -1.0}}, "rms_norm_eps: value out of range: -1"},
  };
  for (const auto& [change, message] : cases) EXPECT_EQ(failure(with(llama(), change)), "m/config.json: " + message);
}

TEST(Config, HarmlessAndSwitchedOffKeysPass) {
  EXPECT_EQ(failure(with(llama(), {{"torch_dtype", "bfloat16"},
                                   {"architectures", {"LlamaForCausalLM"}},
                                   {"some_new_switch", false},
                                   {"some_new_value", nullptr}})),
            "");
}

TEST(Config, FamiliesDifferWhereTheyShould) {
  const auto parse = [](const json& object) { return parse_model_config(object.dump(), "c"); };
  const ModelConfig plain = parse(llama());
  EXPECT_EQ(plain.head_dim, 16);
  EXPECT_FALSE(plain.qkv_bias || plain.output_bias || plain.mlp_bias || plain.qk_norm != QkNorm::kNone ||
               plain.tie_embeddings);
  EXPECT_EQ(plain.windows, (std::vector<int>{0, 0, 0}));
  EXPECT_FLOAT_EQ(plain.attention_scales[0], 0.25f);
  const ModelConfig biased = parse(with(llama(), {{"attention_bias", true}, {"mlp_bias", true}}));
  EXPECT_TRUE(biased.qkv_bias && biased.output_bias && biased.mlp_bias);
  const ModelConfig qwen2 = parse(with(llama(), {{"model_type", "qwen2"}, {"sliding_window", 4}}));
  EXPECT_TRUE(qwen2.qkv_bias && !qwen2.output_bias);
  EXPECT_EQ(qwen2.windows[0], 0);
  const ModelConfig sliding = parse(
      with(llama(),
           {{"model_type", "qwen2"}, {"sliding_window", 4}, {"use_sliding_window", true}, {"max_window_layers", 1}}));
  EXPECT_EQ(sliding.windows, (std::vector<int>{0, 4, 4}));
  const ModelConfig qwen3 = parse(with(llama(), {{"model_type", "qwen3"}}));
  EXPECT_EQ(qwen3.qk_norm, QkNorm::kHeads);
  EXPECT_EQ(qwen3.head_dim, 128);
  const ModelConfig mistral = parse(with(llama(), {{"model_type", "mistral"}, {"sliding_window", 8}}));
  EXPECT_EQ(mistral.windows, (std::vector<int>{8, 8, 8}));
  const ModelConfig by_type =
      parse(with(llama(), {{"sliding_window", 8},
                           {"layer_types", {"sliding_attention", "full_attention", "sliding_attention"}},
                           {"eos_token_id", {2, 7}},
                           {"bos_token_id", 1}}));
  EXPECT_EQ(by_type.windows, (std::vector<int>{8, 0, 8}));
  EXPECT_EQ(by_type.eos_tokens, (std::vector<int32_t>{2, 7}));
  EXPECT_EQ(by_type.bos_token, 1);
  const ModelConfig gpt = parse(with(gpt2(), {{"scale_attn_by_inverse_layer_idx", true}}));
  EXPECT_TRUE(gpt.tie_embeddings && gpt.qkv_bias);
  EXPECT_EQ(gpt.intermediate_size, 256);
  EXPECT_FLOAT_EQ(gpt.attention_scales[2], 0.25f / 3);
}

TEST(Rope, FrequenciesAreThoseOfTransformers) {
  const json cases = json::parse(read_file(TEST_DATA "/rope/frequencies.json"));
  ASSERT_EQ(cases.size(), 6u);
  for (const json& c : cases) {
    json old_style = c["rope_parameters"];
    SCOPED_TRACE(old_style.dump());
    const json new_style = with(llama(), {{"rope_parameters", old_style}});
    const double theta = old_style["rope_theta"];
    old_style.erase("rope_theta");
    json old_config = with(llama(), {{"rope_theta", theta}});
    if (old_style["rope_type"] != "default") old_config["rope_scaling"] = old_style;
    const auto want = c["frequencies"].get<std::vector<double>>();
    for (const json& config : {new_style, old_config}) {
      const std::vector<double> got = parse_model_config(config.dump(), "c").ropes[0].frequencies(c["head_dim"], 1);
      ASSERT_EQ(got.size(), want.size());
      // the reference computes in f32
      for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 2e-6 * want[i]) << i;
    }
  }
}

TEST(Rope, PartialRotaryTurnsTheFirstPart) {
  RopeConfig rope;
  rope.rotary_share = 0.25;
  const std::vector<double> got = rope.frequencies(64, 1);
  ASSERT_EQ(got.size(), 8u);
  for (size_t i = 0; i < 8; ++i) EXPECT_DOUBLE_EQ(got[i], std::pow(10000.0, -static_cast<double>(i) / 8));
  const std::string config =
      with(llama(), {{"rope_parameters", {{"rope_type", "default"}, {"partial_rotary_factor", 0.5}}}}).dump();
  EXPECT_EQ(parse_model_config(config, "c").ropes[0].frequencies(16, 1).size(), 4u);
}

/// The lengths at which Transformers changes the frequencies: beyond the original positions.
TEST(Rope, LengthDecidesDynamicAndLongrope) {
  RopeConfig dynamic{.type = RopeConfig::Type::kDynamic};
  dynamic.factor = 3;
  dynamic.original_max_positions = 8;
  EXPECT_TRUE(dynamic.same_frequencies(1, 8));
  EXPECT_FALSE(dynamic.same_frequencies(8, 9));
  EXPECT_FALSE(dynamic.same_frequencies(9, 10));
  EXPECT_EQ(dynamic.frequencies(8, 8), RopeConfig{}.frequencies(8, 8));
  EXPECT_LT(dynamic.frequencies(8, 16)[1], dynamic.frequencies(8, 9)[1]);
  RopeConfig longrope{.type = RopeConfig::Type::kLongrope};
  longrope.original_max_positions = 8;
  longrope.short_factors = {1, 2}, longrope.long_factors = {4, 8};
  EXPECT_TRUE(longrope.same_frequencies(9, 50));
  EXPECT_FALSE(longrope.same_frequencies(8, 9));
  EXPECT_DOUBLE_EQ(longrope.frequencies(4, 8)[1], 0.01 / 2);
  EXPECT_DOUBLE_EQ(longrope.frequencies(4, 9)[1], 0.01 / 8);
}

TEST(Rope, ATableIsMadeAnewWhenItsFrequenciesChange) {
  Arena arena;
  RopeConfig dynamic{.type = RopeConfig::Type::kDynamic};
  dynamic.factor = 3;
  dynamic.original_max_positions = 8;
  RopeTable table;
  table.reach(arena, dynamic, 8, 8, 5);
  const std::vector<float> few(table.cos().as<float>(), table.cos().as<float>() + 32);
  table.reach(arena, dynamic, 8, 8, 16);
  ASSERT_EQ(table.cos().shape()[0], 16);
  EXPECT_NE(few, std::vector<float>(table.cos().as<float>(), table.cos().as<float>() + 32));
  table.reach(arena, dynamic, 8, 8, 5);
  EXPECT_EQ(few, std::vector<float>(table.cos().as<float>(), table.cos().as<float>() + 32));
}

TEST(Config, GemmasLayersAlternate) {
  json gemma = with(llama(), {{"model_type", "gemma3_text"}, {"num_hidden_layers", 7}, {"sliding_window", 9}});
  gemma["rope_theta"] = 1e6;
  gemma["rope_local_base_freq"] = 5000.0;
  gemma["rope_scaling"] = {{"rope_type", "linear"}, {"factor", 8.0}};
  const ModelConfig third = parse_model_config(gemma.dump(), "c");
  EXPECT_EQ(third.windows, (std::vector<int>{9, 9, 9, 9, 9, 0, 9}));
  EXPECT_EQ(third.rope_of_layer, (std::vector<int>{1, 1, 1, 1, 1, 0, 1}));
  EXPECT_EQ(third.ropes[0].factor, 8);
  EXPECT_EQ(third.ropes[1].theta, 5000);
  EXPECT_EQ(third.ropes[1].factor, 1);
  const ModelConfig second =
      parse_model_config(with(llama(), {{"model_type", "gemma2"}, {"sliding_window", 9}}).dump(), "c");
  EXPECT_EQ(second.windows, (std::vector<int>{9, 0, 9}));
}

}  // namespace
}  // namespace lorica
