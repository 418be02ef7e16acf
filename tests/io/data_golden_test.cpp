#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "io/data/conversation.h"
#include "io/data/dataset.h"
#include "io/data/loaded_text.h"
#include "tests/io/data_fakes.h"

namespace lorica {
namespace {

std::filesystem::path from_environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

/// SmolLM2-135M-Instruct's tokenizer; its template as a function.
class SmolLm2 : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto folder = from_environment("LORICA_MODEL", SOURCE_ROOT "/models/smollm2-135m-instruct");
    if (!std::filesystem::exists(folder / "tokenizer.json")) {
      GTEST_SKIP() << "no tokenizer.json in " << folder << "; LORICA_MODEL names the folder of SmolLM2-135M-Instruct";
    }
    auto json = nlohmann::json::parse(std::ifstream(folder / "tokenizer.json"));
    own_ = text_tokenizer(Tokenizer::from_json(json.dump(), "tokenizer.json"));
    // The goldens were made with the tokenizer that Transformers derives from the GGUF file. It lacks the model's own
    // first step, which sets digits apart: two line ends before a digit are two tokens there, and one here.
    const auto steps = json["pre_tokenizer"].value("pretokenizers", nlohmann::json::array());
    for (const auto& step : steps) {
      if (step["type"] == "ByteLevel") json["pre_tokenizer"] = step;
    }
    golden_ = text_tokenizer(Tokenizer::from_json(json.dump(), "tokenizer.json"));
  }

  TextModel model(const TextTokenizer& tokenizer) const { return {&tokenizer, &chat_, "<|im_start|>", "<|im_end|>"}; }

  static std::string render(const fake::Json& messages, bool prompt) {
    const bool own = !messages.empty() && fake::role(messages[0]) == "system";
    const auto preamble = fake::system("You are a helpful AI assistant named SmolLM, trained by Hugging Face");
    return (own || messages.empty() ? "" : fake::chatml(fake::Json::array({preamble}), false)) +
           fake::chatml(messages, prompt);
  }

  std::unique_ptr<const TextTokenizer> own_, golden_;
  fake::Chat chat_{render};
};

TEST_F(SmolLm2, IdsAndLabelsOfTheGoldenConversations) {
  const auto file =
      from_environment("LORICA_SHARED", SOURCE_ROOT "/../shared") / "golden/smollm2_135m_instruct_q4_1/golden.json";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no " << file << "; LORICA_SHARED names the shared folder";
  std::ifstream stream(file);
  const auto golden = nlohmann::json::parse(stream);
  const ConversationEncoder encoder(model(*golden_));
  ASSERT_EQ(golden["examples"].size(), 44u);
  for (const auto& example : golden["examples"]) {
    const auto encoded = encoder.encode({fake::user(example["instruction"]), fake::assistant(example["response"])});
    EXPECT_TRUE(encoded.notes.empty());
    EXPECT_EQ(encoded.ids, example["ids"].get<std::vector<int32_t>>())
        << "at token "
        << std::mismatch(encoded.ids.begin(), encoded.ids.end(), example["ids"].begin(), example["ids"].end()).first -
               encoded.ids.begin();
    std::vector<int32_t> labels;
    for (size_t i = 0; i < encoded.ids.size(); ++i) labels.push_back(encoded.trained[i] ? encoded.ids[i] : -100);
    EXPECT_EQ(labels, example["labels"].get<std::vector<int32_t>>());
  }
}

TEST_F(SmolLm2, TheQuickstartDataIsClean) {
  DataOptions options;
  options.train_files = {SOURCE_ROOT "/recipes/data/bitext/train.jsonl"};
  options.eval_files = {SOURCE_ROOT "/recipes/data/bitext/heldout.jsonl"};
  options.slice_column = "intent";
  const LoadedData loaded = inspect_data(options, model(*own_));
  for (const Finding& finding : loaded.findings.list()) ADD_FAILURE() << finding.text();
  EXPECT_EQ(loaded.train.examples.size(), 1500u);
  EXPECT_EQ(loaded.eval.examples.size(), 150u);
  std::set<std::string> train, eval;
  for (const auto& example : loaded.train.examples) train.insert(example.slice);
  for (const auto& example : loaded.eval.examples) eval.insert(example.slice);
  EXPECT_EQ(train.size(), 27u);
  EXPECT_EQ(eval, train);
}

}  // namespace
}  // namespace lorica
