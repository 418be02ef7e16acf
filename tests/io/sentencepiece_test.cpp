// SentencePiece models alone in a folder: ids and text against the package sentencepiece; see tests/data/sentencepiece.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "io/formats/file_bytes.h"
#include "io/tokenizer/tokenizer.h"
#include "tests/io/formats_support.h"

namespace lorica {
namespace {

using test::error_of;

class SentencePieceModel : public testing::TestWithParam<std::string> {};

TEST_P(SentencePieceModel, GivesThePackagesIdsAndText) {
  const std::filesystem::path folder = TEST_DATA "/sentencepiece/" + GetParam();
  const auto tokenizer = Tokenizer::load(folder);
  std::ifstream goldens(folder / "golden.jsonl");
  size_t count = 0;
  for (std::string line; std::getline(goldens, line); ++count) {
    const nlohmann::json golden = nlohmann::json::parse(line);
    const auto text = golden.at("text").get<std::string>();
    const auto ids = golden.at("ids").get<std::vector<int32_t>>();
    ASSERT_EQ(tokenizer->encode(text), ids) << text;
    ASSERT_EQ(tokenizer->decode(ids), golden.at("decoded").get<std::string>()) << text;
  }
  EXPECT_GT(count, 250u);
}

INSTANTIATE_TEST_SUITE_P(All, SentencePieceModel, testing::Values("unigram", "bpe", "bpe_plain"),
                         [](const auto& param) { return param.param; });

TEST(SentencePiece, PutsItsTokensAroundAText) {
  const auto bpe = Tokenizer::load(TEST_DATA "/sentencepiece/bpe");
  const auto unigram = Tokenizer::load(TEST_DATA "/sentencepiece/unigram/tokenizer.model");
  EXPECT_EQ(bpe->encode("", true), std::vector<int32_t>{1});
  EXPECT_EQ(unigram->encode("", true), std::vector<int32_t>{2});
  EXPECT_EQ(bpe->encode("<s>"), std::vector<int32_t>{1});
  EXPECT_TRUE(bpe->is_special(2));
  const std::string bytes = read_file(TEST_DATA "/sentencepiece/bpe/tokenizer.model");
  EXPECT_EQ(Tokenizer::from_sentencepiece(bytes, "m", false, true)->encode("", true), std::vector<int32_t>{2});
}

TEST(SentencePiece, NamesWhatItCannotRead) {
  const auto error = [](const std::string& bytes) {
    return error_of([&] { Tokenizer::from_sentencepiece(bytes, "m.model"); });
  };
  EXPECT_EQ(error(""), "m.model: is not a SentencePiece model: it has no pieces");
  EXPECT_EQ(error("hello"), "m.model: is not a SentencePiece model, or is damaged");
  const std::string piece =
      "\x0a\x03\x0a\x01"
      "a";
  EXPECT_EQ(error(piece + "\x12\x02\x18\x04"), "m.model: trainer_spec.model_type: CHAR is not supported");
  EXPECT_EQ(error(piece + "\x12\x03\xc0\x01\x01"),
            "m.model: trainer_spec.treat_whitespace_as_suffix: true is not supported");
  EXPECT_EQ(error(std::string("\x0a\x05\x0a\x01"
                              "a\x18\x05",
                              7)),
            "m.model: pieces[0] ('a'): unused pieces are not supported");
  EXPECT_EQ(error("\x0a\x03\x0a\x01\xff"), "m.model: pieces[0] ('\\xff'): is empty or not UTF-8");
  EXPECT_EQ(error(piece + "\x12\x03\xc8\x02\x09"), "m.model: trainer_spec.bos_id: 9 is outside the vocabulary of 1");
}

}  // namespace
}  // namespace lorica
