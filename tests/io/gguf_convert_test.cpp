#include "io/formats/gguf_convert.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "io/formats/describe.h"
#include "io/formats/file_bytes.h"
#include "io/formats/gguf_model.h"
#include "io/formats/safetensors.h"
#include "tests/io/formats_support.h"

namespace lorica {
namespace {

using nlohmann::json;
using test::error_of;
using test::GgufBuilder;
using test::TempFolder;

constexpr const char* kTiny = TEST_DATA "/gguf/tiny_llama.gguf";

json read(const std::filesystem::path& path) { return json::parse(read_file(path)); }

TEST(GgufConvert, GivesTheWeightsThatTheModelWasMadeFrom) {
  const TempFolder folder;
  const GgufConversionResult result = convert_gguf({.from = kTiny, .to = folder / "out", .dtype = std::nullopt});
  EXPECT_EQ(result.architecture, "llama");
  EXPECT_EQ(result.dtype, Dtype::f32);
  const SafetensorsFile got(folder / "out/model.safetensors"), want(TEST_DATA "/gguf/tiny_llama.safetensors");
  EXPECT_EQ(got.entries().size(), want.entries().size());
  for (const auto& entry : want.entries()) {
    const In a = got.tensor(entry.name), b = want.tensor(entry.name);
    ASSERT_EQ(a.shape, b.shape) << entry.name;
    EXPECT_EQ(std::memcmp(a.data, b.data, static_cast<size_t>(a.bytes())), 0) << entry.name;
  }
  EXPECT_EQ(got.metadata().at("format"), "pt");
}

TEST(GgufConvert, RoundsToTheDtypeAskedFor) {
  const TempFolder folder;
  convert_gguf({.from = kTiny, .to = folder / "out", .dtype = Dtype::bf16});
  const SafetensorsFile got(folder / "out/model.safetensors"), want(TEST_DATA "/gguf/tiny_llama.safetensors");
  const In a = got.tensor("model.embed_tokens.weight"), b = want.tensor("model.embed_tokens.weight");
  for (int64_t i = 0; i < a.elements(); ++i) ASSERT_EQ(a.as<bf16>()[i].bits, bf16(b.as<float>()[i]).bits);
  EXPECT_EQ(read(folder / "out/config.json")["torch_dtype"], "bfloat16");
}

TEST(GgufConvert, WritesTheConfig) {
  const TempFolder folder;
  convert_gguf({.from = kTiny, .to = folder / "out", .dtype = std::nullopt});
  const json config = read(folder / "out/config.json");
  EXPECT_EQ(config["architectures"], json({"LlamaForCausalLM"}));
  EXPECT_EQ(config["hidden_size"], 32);
  EXPECT_EQ(config["intermediate_size"], 64);
  EXPECT_EQ(config["num_attention_heads"], 4);
  EXPECT_EQ(config["num_key_value_heads"], 2);
  EXPECT_EQ(config["head_dim"], 8);
  EXPECT_EQ(config["rms_norm_eps"], 1e-5);
  EXPECT_EQ(config["rope_theta"], 500000.0);
  EXPECT_EQ(config["vocab_size"], 264);
  EXPECT_EQ(config["bos_token_id"], 0);
  EXPECT_EQ(config["tie_word_embeddings"], true);
  EXPECT_EQ(config["rope_scaling"], json({{"rope_type", "llama3"},
                                          {"factor", 32.0},
                                          {"low_freq_factor", 1.0},
                                          {"high_freq_factor", 4.0},
                                          {"original_max_position_embeddings", 8192}}));
}

TEST(GgufConvert, WritesTheTokenizer) {
  const TempFolder folder;
  convert_gguf({.from = kTiny, .to = folder / "out", .dtype = std::nullopt});
  const json tokenizer = read(folder / "out/tokenizer.json"), config = read(folder / "out/tokenizer_config.json");
  EXPECT_EQ(tokenizer["model"]["type"], "BPE");
  EXPECT_EQ(tokenizer["model"]["ignore_merges"], true);
  EXPECT_EQ(tokenizer["model"]["merges"], json({"h e", "l l", "he ll", "Ġ w"}));
  EXPECT_EQ(tokenizer["model"]["vocab"].size(), 263u);  // the unused [PAD1] is not a token
  EXPECT_EQ(tokenizer["model"]["vocab"]["Ġw"], 262);
  ASSERT_EQ(tokenizer["added_tokens"].size(), 3u);
  EXPECT_EQ(tokenizer["added_tokens"][0]["content"], "<|begin|>");
  EXPECT_EQ(tokenizer["added_tokens"][0]["special"], true);
  EXPECT_EQ(tokenizer["added_tokens"][2]["content"], "<tool>");
  EXPECT_EQ(tokenizer["added_tokens"][2]["special"], false);
  EXPECT_EQ(tokenizer["pre_tokenizer"]["pretokenizers"][0]["behavior"], "Isolated");
  EXPECT_EQ(tokenizer["post_processor"]["single"][0]["SpecialToken"]["id"], "<|begin|>");
  EXPECT_EQ(tokenizer["post_processor"]["special_tokens"]["<|begin|>"]["ids"], json::array({0}));
  EXPECT_EQ(config["bos_token"], "<|begin|>");
  EXPECT_EQ(config["eos_token"], "<|end|>");
  EXPECT_EQ(config["model_max_length"], 131072);
  EXPECT_EQ(config["chat_template"], "{% for m in messages %}{{ m['content'] }}{% endfor %}");
  EXPECT_EQ(read_file(folder / "out/chat_template.jinja"), config["chat_template"].get<std::string>());
}

TEST(GgufConvert, DoesNotMixWithWhatIsThere) {
  const TempFolder folder;
  std::ofstream(folder / "note") << "x";
  EXPECT_EQ(error_of([&] { convert_gguf({.from = kTiny, .to = folder.path(), .dtype = std::nullopt}); }),
            folder.path().string() + ": the folder is not empty");
  EXPECT_EQ(error_of([&] { convert_gguf({.from = kTiny, .to = folder / "note", .dtype = std::nullopt}); }),
            (folder / "note").string() + ": is a file, expected a folder");
  convert_gguf({.from = kTiny, .to = folder.path(), .dtype = std::nullopt, .overwrite = true});
  const std::string text = describe_path(folder.path());
  EXPECT_NE(text.find("family              llama\n"), std::string::npos) << text;
  EXPECT_NE(text.find("parameters          17,760\n"), std::string::npos) << text;
  EXPECT_NE(text.find("tokenizer           BPE, 263 tokens\nchat template       yes\n"), std::string::npos) << text;
}

/// The metadata of a small model whose tensors a test adds.
GgufBuilder model(const std::string& arch) {
  GgufBuilder b;
  b.string("general.architecture", arch).u32(arch + ".block_count", 1).u32(arch + ".embedding_length", 32);
  b.u32(arch + ".feed_forward_length", 32).u32(arch + ".attention.head_count", 4).u32(arch + ".context_length", 64);
  b.f32(arch + ".attention.layer_norm_rms_epsilon", 1e-6f).f32(arch + ".rope.freq_base", 1e6f);
  b.tensor("token_embd.weight", {32, 2}, 0, std::string(256, '\0'));
  return b;
}
std::string model_error(const GgufBuilder& builder) {
  const std::string bytes = builder.bytes();
  return error_of([&] {
    const GgufFile file(bytes, "m.gguf");
    gguf_weights(file, read_gguf_model(file), Dtype::f32);
  });
}

TEST(GgufModel, RefusesWhatWouldChangeTheMaths) {
  const std::string at = "m.gguf: metadata ";
  EXPECT_EQ(model_error(model("mamba")),
            at + "'general.architecture': 'mamba' cannot be converted, supported are llama, qwen2, qwen3");
  EXPECT_EQ(model_error(GgufBuilder()), at + "'general.architecture': missing");
  EXPECT_EQ(model_error(model("llama").string("general.type", "adapter")),
            at + "'general.type': expected 'model', got 'adapter'");
  EXPECT_EQ(model_error(model("llama").f32("llama.attention.scale", 0.1f)),
            at + "'llama.attention.scale': not known for this architecture, and it may change the maths");
  EXPECT_EQ(model_error(model("llama").u32("llama.expert_count", 8)),
            at + "'llama.expert_count': mixtures of experts are not supported");
  EXPECT_EQ(model_error(model("llama").flag("llama.attention.causal", false)),
            at + "'llama.attention.causal': only causal models are supported");
  EXPECT_EQ(model_error(model("qwen2").u32("qwen2.rope.dimension_count", 4)),
            at + "'qwen2.rope.dimension_count': expected 8, got 4");
  EXPECT_EQ(model_error(model("llama").u32("llama.attention.head_count_kv", 3)).substr(0, 73),
            at + "'llama.attention.head_count': 4 heads, 3 key/value heads");
  EXPECT_EQ(model_error(model("llama").string("llama.rope.scaling.type", "longrope")),
            at + "'llama.rope.scaling.type': 'longrope' is not supported, expected none, linear or yarn");
  EXPECT_EQ(model_error(model("llama").string("llama.rope.scaling.type", "linear").f32("llama.rope.scaling.factor", 0)),
            at + "'llama.rope.scaling.factor': expected a positive number, got 0");
  EXPECT_EQ(model_error(model("llama")), "m.gguf: tensor 'blk.0.attn_norm.weight': missing");
  EXPECT_EQ(model_error(model("llama").u32("llama.vocab_size", 7)), at + "'llama.vocab_size': expected 2, got 7");
}

std::string floats(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

TEST(GgufModel, RecoversLlama3ScalingOnlyWhereItIsOne) {
  // head width 64, theta 1e6: factor 8, low 1, high 6, old context 4096, computed here from the published rule
  std::vector<float> factors;
  for (int i = 0; i < 64; i += 2) {
    const double wavelength = 2 * M_PI * std::pow(1e6, i / 64.0), smooth = (4096 / wavelength - 1) / 5;
    factors.push_back(static_cast<float>(wavelength < 4096.0 / 6 ? 1
                                         : wavelength > 4096     ? 8
                                                                 : 1 / ((1 - smooth) / 8 + smooth)));
  }
  const auto scaling = [&] {
    const std::string bytes = GgufBuilder().tensor("rope_freqs.weight", {32}, 0, floats(factors)).bytes();
    return read_gguf_rope_scaling(GgufFile(bytes, "m.gguf"), "llama", 64, 1e6);
  };
  const auto got = scaling();
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->type, "llama3");
  EXPECT_EQ(got->factor, 8);
  EXPECT_EQ(got->low_freq_factor, 1);
  EXPECT_EQ(got->high_freq_factor, 6);
  EXPECT_EQ(got->original_context, 4096);
  factors[20] *= 1.01f;
  EXPECT_EQ(error_of(scaling),
            "m.gguf: tensor 'rope_freqs.weight': its factors do not follow Llama 3's rope scaling, so config.json "
            "cannot express them");
  factors.assign(32, 1.0f);
  EXPECT_FALSE(scaling().has_value());
}

std::string tokenizer_error(const GgufBuilder& builder) {
  const std::string bytes = builder.bytes();
  return error_of([&] { gguf_tokenizer_json(GgufFile(bytes, "m.gguf")); });
}
GgufBuilder tokenizer(const std::string& pre, const std::vector<std::string>& tokens,
                      const std::vector<std::string>& merges) {
  GgufBuilder b;
  return b.string("tokenizer.ggml.model", "gpt2")
      .string("tokenizer.ggml.pre", pre)
      .strings("tokenizer.ggml.tokens", tokens)
      .strings("tokenizer.ggml.merges", merges);
}

TEST(GgufTokenizer, AChatTemplateMustBeText) {
  const auto config_of = [](const std::string& chat_template) {
    GgufBuilder builder = tokenizer("smollm", {"a"}, {}).string("tokenizer.chat_template", chat_template);
    const std::string bytes = builder.bytes();
    return gguf_tokenizer_config_json(GgufFile(bytes, "m.gguf"), GgufModel{}).dump();
  };
  EXPECT_NE(config_of("{{ messages }}").find("{{ messages }}"), std::string::npos);
  try {
    config_of("{{ \x89 }}");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "m.gguf: metadata 'tokenizer.chat_template': is not UTF-8");
  }
}

TEST(GgufTokenizer, NamesWhatItCannotConvert) {
  EXPECT_EQ(
      tokenizer_error(GgufBuilder().string("tokenizer.ggml.model", "t5")),
      "m.gguf: metadata 'tokenizer.ggml.model': 't5' cannot be converted, supported are gpt2 (byte-level BPE) and "
      "llama (SentencePiece BPE); take the tokenizer.json of the original model instead");
  EXPECT_EQ(tokenizer_error(tokenizer("afmoe", {"a"}, {})).substr(0, 79),
            "m.gguf: metadata 'tokenizer.ggml.pre': 'afmoe' is not known, supported are defa");
  EXPECT_EQ(tokenizer_error(tokenizer("smollm", {"a", "b", "ab"}, {"a b"})), "no error");
  EXPECT_EQ(tokenizer_error(tokenizer("smollm", {"a", "b"}, {"a b"})),
            "m.gguf: metadata 'tokenizer.ggml.merges': merge 0 ('a b'): expected two tokens whose union is a token");
  EXPECT_EQ(tokenizer_error(tokenizer("smollm", {"a", "b", "ab"}, {"ab"})),
            "m.gguf: metadata 'tokenizer.ggml.merges': merge 0 ('ab'): expected two tokens whose union is a token");
  EXPECT_EQ(tokenizer_error(tokenizer("smollm", {"a", "a"}, {})),
            "m.gguf: metadata 'tokenizer.ggml.tokens': token 1 ('a'): is token 0 too");
  EXPECT_EQ(tokenizer_error(tokenizer("smollm", {"a\xff"}, {})),
            "m.gguf: metadata 'tokenizer.ggml.tokens': token 0 ('a\\xff'): is not UTF-8");
  EXPECT_EQ(tokenizer_error(tokenizer("smollm", {"a"}, {}).flag("tokenizer.ggml.add_bos_token", true)),
            "m.gguf: metadata 'tokenizer.ggml.bos_token_id': missing, and the tokenizer is to add this token");
  EXPECT_EQ(tokenizer_error(tokenizer("smollm", {"a"}, {})
                                .flag("tokenizer.ggml.add_bos_token", true)
                                .u32("tokenizer.ggml.bos_token_id", 1)),
            "m.gguf: metadata 'tokenizer.ggml.bos_token_id': token 1 is outside the vocabulary of 1");
}

TEST(GgufTokenizer, CutsTextAsTheModelsDo) {
  const auto pre = [](const char* name) {
    const std::string bytes = tokenizer(name, {"a"}, {}).u32("tokenizer.ggml.bos_token_id", 0).bytes();
    return json::parse(gguf_tokenizer_json(GgufFile(bytes, "m.gguf")).dump());
  };
  const json smollm = pre("smollm");
  EXPECT_EQ(smollm["pre_tokenizer"]["pretokenizers"], json::parse(R"([{"type":"Digits","individual_digits":true},
                {"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}])"));
  EXPECT_EQ(smollm["normalizer"], nullptr);
  EXPECT_EQ(pre("gpt-2")["pre_tokenizer"]["type"], "ByteLevel");
  // the published tokenizer.json of Qwen3
  const json qwen2 = pre("qwen2");
  EXPECT_EQ(qwen2["normalizer"], json({{"type", "NFC"}}));
  EXPECT_EQ(qwen2["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"],
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| "
            "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+");
  EXPECT_EQ(qwen2["pre_tokenizer"]["pretokenizers"][1]["use_regex"], false);
}

TEST(Describe, NamesEachKind) {
  EXPECT_NE(describe_path(TEST_DATA "/safetensors/python.safetensors").find("five      I16   [2, 2, 2, 2, 2]\n"),
            std::string::npos);
  EXPECT_NE(describe_path(kTiny).find("format      GGUF version 3\n"), std::string::npos);
  const TempFolder folder;
  const std::string path = folder.path();
  EXPECT_EQ(error_of([&] { describe_path(path); }),
            path + ": has neither config.json (a model) nor adapter_config.json (an adapter)");
  EXPECT_EQ(error_of([&] { describe_path(path + "/no"); }), path + "/no: cannot open: No such file or directory");
  std::ofstream(folder / "x.txt") << "text";
  EXPECT_EQ(error_of([&] { describe_path(path + "/x.txt"); }),
            path + "/x.txt: expected a .safetensors file, a GGUF file, a model folder or an adapter folder");
  std::ofstream(folder / "adapter_config.json") << R"({"peft_type":"LORA","r":8,"target_modules":["q_proj","v_proj"]})";
  std::filesystem::copy(TEST_DATA "/safetensors/llama_adapter.safetensors", folder / "adapter_model.safetensors");
  const std::string text = describe_path(path);
  EXPECT_NE(text.find("rank        8\ntargets     q_proj, v_proj\ntensors     28\nparameters  5,632\n"),
            std::string::npos)
      << text;
  std::ofstream(folder / "adapter_config.json") << "{";
  EXPECT_EQ(error_of([&] { describe_path(path); }), path + "/adapter_config.json: not valid JSON at byte 2");
}

}  // namespace
}  // namespace lorica
