// Ids and decoded text against the Python tokenizers package.
#include <gtest/gtest.h>

#include <map>
#include <sstream>
#include <thread>

#include "io/formats/file_bytes.h"
#include "io/formats/gguf_model.h"
#include "io/tokenizer/tokenizer.h"
#include "io/tokenizer/utf8.h"
#include "tests/io/formats_support.h"
#include "tests/io/tokenizer_golden.h"

namespace lorica {
namespace {

using test::TokenizerGolden;

void expect_streams_as_decoded(const Tokenizer& tokenizer, const TokenizerGolden& golden) {
  StreamDecoder stream(tokenizer, /*skip_special_tokens=*/false);
  std::string streamed;
  const auto take = [&](const std::string& part) {
    ASSERT_EQ(utf8::find_invalid(part), std::string::npos) << "half a character in a part of: " << golden.text;
    streamed += part;
  };
  for (const int32_t id : golden.ids) take(stream.push(id));
  take(stream.finish());
  EXPECT_EQ(streamed, golden.decoded);
}

/// Where tokens are said to start, the tokens before spell the text before.
void expect_starts_as_decoded(const Tokenizer& tokenizer, const TokenizerGolden& golden) {
  const std::string& text = golden.text;
  if (golden.decoded != text) return;
  const std::vector<size_t> starts = tokenizer.starts(text, golden.ids);
  for (size_t i = 0; i < starts.size(); ++i) {
    if ((static_cast<unsigned char>(text.at(starts[i])) & 0xc0) == 0x80) continue;  // inside a character
    EXPECT_EQ(tokenizer.decode(std::span(golden.ids).first(i)), text.substr(0, starts[i]));
  }
}

void expect_goldens(const Tokenizer& tokenizer, const std::vector<TokenizerGolden>& goldens) {
  for (const TokenizerGolden& golden : goldens) {
    SCOPED_TRACE(golden.text);
    EXPECT_EQ(tokenizer.encode(golden.text), golden.ids);
    EXPECT_EQ(tokenizer.encode(golden.text, true), golden.ids_special);
    EXPECT_EQ(tokenizer.decode(golden.ids), golden.decoded);
    EXPECT_EQ(tokenizer.decode(golden.ids_special, true), golden.decoded_clean);
    expect_streams_as_decoded(tokenizer, golden);
    expect_starts_as_decoded(tokenizer, golden);
    if (testing::Test::HasFailure()) break;  // one text says enough
  }
}

class FixtureTokenizer : public testing::TestWithParam<std::string> {};

TEST_P(FixtureTokenizer, GivesThePackagesIdsAndText) {
  const std::filesystem::path folder = TEST_DATA "/tokenizers/" + GetParam();
  const auto goldens = test::read_tokenizer_golden(folder / "golden.jsonl");
  ASSERT_GT(goldens.size(), 150u);
  expect_goldens(*Tokenizer::load(folder), goldens);
}

INSTANTIATE_TEST_SUITE_P(All, FixtureTokenizer,
                         testing::Values("gpt2_like", "qwen_like", "digits", "ignore_merges", "gpt4o_like",
                                         "falcon_like", "char_level", "byte_fallback", "bert_like", "unigram_like",
                                         "metaspace_first", "word_end", "normalizers"),
                         [](const auto& param) { return param.param; });

class PublishedTokenizer : public testing::TestWithParam<std::string> {};

TEST_P(PublishedTokenizer, GivesThePackagesIdsAndText) {
  const std::filesystem::path shared = test::shared_folder();
  const std::filesystem::path model = shared / "tokenizers" / GetParam();
  const std::filesystem::path golden = shared / "golden" / "tokenizers" / (GetParam() + ".jsonl");
  if (!exists(model) || !exists(golden)) GTEST_SKIP() << "needs " << model << " and " << golden;
  const auto goldens = test::read_tokenizer_golden(golden);
  ASSERT_GT(goldens.size(), 400u);
  expect_goldens(*Tokenizer::load(model), goldens);
}

INSTANTIATE_TEST_SUITE_P(All, PublishedTokenizer,
                         testing::Values("gpt2", "qwen3", "llama2", "mistral01", "bert_base_cased",
                                         "unigram_shakespeare"),
                         [](const auto& param) { return param.param; });

// llama.cpp's own vectors: texts between separator lines, and a line of ids for each.
void expect_llama_cpp_ids(const std::string& vocabulary, const std::string& model) {
  const std::filesystem::path shared = test::shared_folder();
  const std::filesystem::path vectors = shared / "tokenizers" / "llamacpp" / ("ggml-vocab-" + vocabulary + ".gguf");
  if (!std::filesystem::exists(vectors.string() + ".inp")) GTEST_SKIP() << "needs " << vectors << ".inp";
  const auto tokenizer = Tokenizer::load(shared / "tokenizers" / model);
  std::string inputs = read_file(vectors.string() + ".inp");
  std::istringstream outputs(read_file(vectors.string() + ".out"));
  const std::string separator = "\n__ggml_vocab_test__\n";
  size_t count = 0;
  for (size_t at = 0; at < inputs.size(); ++count) {
    const size_t end = std::min(inputs.find(separator, at), inputs.size());
    const std::string text = inputs.substr(at, end - at);
    at = end + separator.size();
    std::string line;
    ASSERT_TRUE(std::getline(outputs, line));
    std::istringstream numbers(line);
    std::vector<int32_t> ids;
    for (int32_t id; numbers >> id;) ids.push_back(id);
    EXPECT_EQ(tokenizer->encode(text), ids) << text;
  }
  EXPECT_GT(count, 40u);
}

TEST(LlamaCppVectors, Gpt2) { expect_llama_cpp_ids("gpt-2", "gpt2"); }
TEST(LlamaCppVectors, Qwen2) { expect_llama_cpp_ids("qwen2", "qwen3"); }
TEST(LlamaCppVectors, LlamaSpm) { expect_llama_cpp_ids("llama-spm", "llama2"); }

// Llama 2's vocabulary as its GGUF files hold it: pieces, scores that fall with the id, types.
std::string llama_gguf(const std::filesystem::path& tokenizer_json) {
  const nlohmann::json model = nlohmann::json::parse(read_file(tokenizer_json)).at("model");
  const nlohmann::json& vocab = model.at("vocab");
  std::map<std::string, float> score_of;  // pieces merge in the order of their scores
  for (const nlohmann::json& merge : model.at("merges")) {
    std::string piece = merge.get<std::string>();
    piece.erase(piece.find(' '), 1);
    score_of.emplace(piece, -static_cast<float>(score_of.size()));
  }
  std::vector<std::string> tokens(vocab.size());
  for (const auto& [token, id] : vocab.items()) tokens[id.get<size_t>()] = token;
  std::string scores = test::raw<uint32_t>(6) + test::raw<uint64_t>(tokens.size());
  std::string types = test::raw<uint32_t>(5) + test::raw<uint64_t>(tokens.size());
  for (size_t id = 0; id < tokens.size(); ++id) {
    const auto score = score_of.find(tokens[id]);
    scores += test::raw(score == score_of.end() ? -1e5f : score->second);
    types += test::raw<int32_t>(id == 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1);
  }
  test::GgufBuilder builder;
  return builder.string("tokenizer.ggml.model", "llama")
      .strings("tokenizer.ggml.tokens", tokens)
      .entry("tokenizer.ggml.scores", 9, scores)
      .entry("tokenizer.ggml.token_type", 9, types)
      .u32("tokenizer.ggml.bos_token_id", 1)
      .bytes();
}

TEST(GgufVocabulary, OfLlamaGivesTheIdsOfItsTokenizerJson) {
  const std::filesystem::path shared = test::shared_folder();
  const std::filesystem::path model = shared / "tokenizers/llama2/tokenizer.json";
  const std::filesystem::path golden = shared / "golden/tokenizers/llama2.jsonl";
  if (!exists(model) || !exists(golden)) GTEST_SKIP() << "needs " << model << " and " << golden;
  const std::string bytes = llama_gguf(model);
  const std::string json = gguf_tokenizer_json(GgufFile(bytes, "llama.gguf")).dump();
  expect_goldens(*Tokenizer::from_json(json, "llama.gguf"), test::read_tokenizer_golden(golden));
}

TEST(Tokenizer, EncodesTheSameFromSeveralThreads) {
  const std::filesystem::path folder = TEST_DATA "/tokenizers/qwen_like";
  const auto goldens = test::read_tokenizer_golden(folder / "golden.jsonl");
  const auto tokenizer = Tokenizer::load(folder);
  std::vector<std::thread> threads;
  std::vector<size_t> wrong(4);
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < goldens.size(); ++i) {
        const TokenizerGolden& golden = goldens[(i + t * 71) % goldens.size()];
        if (tokenizer->encode(golden.text) != golden.ids || tokenizer->decode(golden.ids) != golden.decoded) ++wrong[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<size_t>(4, 0));
}

}  // namespace
}  // namespace lorica
