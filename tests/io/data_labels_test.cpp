#include "io/data/labels.h"

#include <gtest/gtest.h>

#include "io/data/batches.h"
#include "io/data/dataset.h"
#include "tests/io/data_fakes.h"

namespace lorica {
namespace {

TEST(Labels, AreSortedByBytesOrByNumber) {
  EXPECT_EQ(ordered_labels({"b", "a", "b", "10"}), (std::vector<std::string>{"10", "a", "b"}));
  EXPECT_EQ(ordered_labels({"10", "9", "-1", "9"}), (std::vector<std::string>{"-1", "9", "10"}));
  EXPECT_EQ(ordered_labels({"10", "9", "9.5"}), (std::vector<std::string>{"10", "9", "9.5"}));
}

TEST(Labels, TheNearestNameIsOffered) {
  const LabelIndex index({"card_lost", "refund"});
  EXPECT_EQ(index.find("refund"), 1);
  EXPECT_EQ(index.find("Refund"), -1);
  EXPECT_EQ(index.complaint("crad_lost"), "label 'crad_lost': not one of the 2 classes; the nearest is 'card_lost'");
}

TEST(Labels, LongTextsLoseTheirEndAndKeepSpecialTokens) {
  const fake::Tokenizer tokenizer({"<s>"}, true);
  int64_t whole = 0;
  const std::vector<int32_t> ids = encode_input(tokenizer, "one two three four", 5, whole);
  EXPECT_EQ(whole, 5);
  EXPECT_EQ(tokenizer.decode(ids), "<s>one two three four");
  EXPECT_EQ(tokenizer.decode(encode_input(tokenizer, "one two three four", 3, whole)), "<s>one two");
  EXPECT_EQ(whole, 5);
}

TEST(Labels, TheLastTokenOfADocumentIsItsRow) {
  const std::vector<Example> examples = {
      {.ids = {5, 6, 7}, .trained = {0, 1, 1}, .file = "", .line = 1, .slice = "", .label = 4},
      {.ids = {8}, .trained = {0}, .file = "", .line = 2, .slice = "", .label = 0}};
  const std::vector<Batch> batches = evaluation_batches(example_set(examples), 16);
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].rows, (std::vector<int32_t>{2, 3}));
  EXPECT_EQ(batches[0].targets, (std::vector<int32_t>{4, 0}));
  EXPECT_EQ(trained_tokens(batches), 2);
}

class LabelledFiles : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  DataSource source(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    DataSource source;
    source.files = {folder_ / name};
    source.format = DataFormat::kClassification;
    return source;
  }
  const std::filesystem::path folder_ =
      std::filesystem::path(testing::TempDir()) /
      (std::string("lorica_labels_") + testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(LabelledFiles, RowsBecomeExamplesWithAClass) {
  const fake::Tokenizer tokenizer({"<s>"}, true);
  const TextModel model{&tokenizer, nullptr, "<s>", ""};
  DataOptions options;
  options.train = {source("a.jsonl", "{\"text\": \"one two\", \"label\": 7}\n{\"text\": \"three\", \"label\": 10}\n"),
                   source("b.csv", "text,label\n\"one, two three\",7\nfour,8\n")};
  EXPECT_EQ(labels_in(options.train), (std::vector<std::string>{"7", "8", "10"}));
  options.eval = {source("c.csv", "text,label\nthree,7\n")};
  options.classes = labels_in(options.train);
  options.max_tokens = 3;
  const LoadedData data = load_data(options, model);
  std::vector<int32_t> labels;
  for (size_t i = 0; i < data.train.examples.size(); ++i) labels.push_back(data.train.examples[i].label);
  EXPECT_EQ(labels, (std::vector<int32_t>{0, 2, 0, 1}));
  EXPECT_EQ(data.train.report.truncated, 1);
  EXPECT_EQ(data.train.report.trained_tokens, 4);
  EXPECT_EQ(data.findings.count(Check::kTooLong), 1);
  EXPECT_EQ(data.findings.count(Check::kPromptInBoth), 1);  // a warning
  options.classes = {"7", "8", "9"};
  const std::string place = (folder_ / "a.jsonl").string() + ":2: ";
  try {
    load_data(options, model);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), place + "label '10': not one of the 3 classes; the nearest is '7'");
  }
}

}  // namespace
}  // namespace lorica
