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

/// SmolLM2-135M-Instruct's tokenizer and template.
class SmolLm2 : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto folder = from_environment("LORICA_MODEL", SOURCE_ROOT "/models/smollm2-135m-instruct");
    if (!std::filesystem::exists(folder / "tokenizer.json")) {
      GTEST_SKIP() << "no tokenizer.json in " << folder << "; LORICA_MODEL names the folder of SmolLM2-135M-Instruct";
    }
    auto json = nlohmann::json::parse(std::ifstream(folder / "tokenizer.json"));
    const ModelTemplate chat = load_chat_template(folder);
    own_ = std::make_unique<LoadedText>(Tokenizer::from_json(json.dump(), "tokenizer.json"), chat);
    // The goldens were made with the tokenizer that Transformers derives from the GGUF file. It lacks the model's own
    // first step, which sets digits apart: two line ends before a digit are two tokens there, and one here.
    const auto steps = json["pre_tokenizer"].value("pretokenizers", nlohmann::json::array());
    for (const auto& step : steps) {
      if (step["type"] == "ByteLevel") json["pre_tokenizer"] = step;
    }
    golden_ = std::make_unique<LoadedText>(Tokenizer::from_json(json.dump(), "tokenizer.json"), chat);
  }

  std::unique_ptr<const LoadedText> own_, golden_;
};

TEST_F(SmolLm2, IdsAndLabelsOfTheGoldenConversations) {
  const auto file =
      from_environment("LORICA_SHARED", SOURCE_ROOT "/../shared") / "golden/smollm2_135m_instruct_q4_1/golden.json";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no " << file << "; LORICA_SHARED names the shared folder";
  std::ifstream stream(file);
  const auto golden = nlohmann::json::parse(stream);
  const ConversationEncoder encoder(golden_->model());
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
  options.train = {{.files = {SOURCE_ROOT "/recipes/data/bitext/train.jsonl"}, .slice_column = "intent"}};
  options.eval = {{.files = {SOURCE_ROOT "/recipes/data/bitext/heldout.jsonl"}, .slice_column = "intent"}};
  const LoadedData loaded = inspect_data(options, own_->model());
  for (const Finding& finding : loaded.findings.list()) ADD_FAILURE() << finding.text();
  EXPECT_EQ(loaded.train.examples.size(), 1500u);
  EXPECT_EQ(loaded.eval.examples.size(), 81u);
  std::set<std::string> train, eval;
  for (const ExampleView example : loaded.train.examples) train.emplace(example.slice);
  for (const ExampleView example : loaded.eval.examples) eval.emplace(example.slice);
  EXPECT_EQ(train.size(), 27u);
  EXPECT_EQ(eval, train);
}

/// {% generation %} blocks train what Transformers trains with return_assistant_tokens_mask.
TEST(GenerationBlocks, MasksAreThoseOfTransformers) {
  const std::filesystem::path data = TEST_DATA;
  std::ifstream stream(data / "generation_masks/masks.json");
  const auto golden = nlohmann::ordered_json::parse(stream);
  const auto tokenizer = Tokenizer::load(data / "tiny_model");
  ASSERT_EQ(golden["cases"].size(), 12u);
  for (const auto& [name, source] : golden["templates"].items()) {
    const LoadedText text(tokenizer, {std::make_shared<ChatTemplate>(source, name), "", "<|im_end|>"});
    const ConversationEncoder encoder(text.model());
    for (const auto& example : golden["cases"]) {
      if (example["template"] != name) continue;
      const auto encoded = encoder.encode(example["messages"]);
      EXPECT_EQ(encoded.ids, example["ids"].get<std::vector<int32_t>>()) << name << example["messages"];
      auto mask = example["mask"].get<std::vector<uint8_t>>();
      mask.front() = 0;  // nothing predicts the first token
      EXPECT_EQ(encoded.trained, mask) << name << example["messages"];
    }
  }
}

/// Templates as models ship them, with the character-level fake tokenizer: what is trained of two turns.
class ShippedTemplates : public ::testing::Test {
 protected:
  std::vector<std::string> trained(const std::string& name, const std::string& eos, const fake::Json& messages) {
    const auto file = std::filesystem::path(TEST_DATA "/templates") / (name + ".jinja");
    std::ifstream stream(file);
    if (!stream) return {"no " + file.string()};
    const std::string source((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    const auto renderer = chat_renderer({std::make_shared<ChatTemplate>(source, name), "<s>", eos});
    const auto encoded = ConversationEncoder({&tokenizer_, renderer.get(), "<s>", eos}).encode(messages);
    for (const Note& note : encoded.notes) checks_.insert(note.check);
    std::vector<std::string> runs;
    for (size_t i = 0; i < encoded.ids.size(); ++i) {
      if (encoded.trained.at(i) == 0) continue;
      if (i == 0 || encoded.trained[i - 1] == 0) runs.emplace_back();
      runs.back() += tokenizer_.decode({&encoded.ids[i], 1});
    }
    return runs;
  }

  fake::Tokenizer tokenizer_{{"<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|eot_id|>", "<|start_header_id|>",
                              "<|end_header_id|>", "<end_of_turn>", "<start_of_turn>", "<|end|>", "<|endoftext|>",
                              "<|user|>", "<|assistant|>", "[INST]", "[/INST]"}};
  std::set<Check> checks_;
};

TEST_F(ShippedTemplates, TrainTheRepliesAndTheirEnds) {
  using Runs = std::vector<std::string>;
  using fake::assistant, fake::user;
  const fake::Json two = {user("Hi there"), assistant("First one"), user("And then"), assistant("Second one")};
  EXPECT_EQ(trained("Qwen-Qwen2.5-7B-Instruct", "<|im_end|>", two),
            (Runs{"First one<|im_end|>", "Second one<|im_end|>"}));
  EXPECT_EQ(trained("Qwen-Qwen3-0.6B", "<|im_end|>", two),
            (Runs{"First one<|im_end|>", "<think>\n\n</think>\n\nSecond one<|im_end|>"}));
  EXPECT_EQ(trained("google-gemma-2-2b-it", "<eos>", two), (Runs{"First one<end_of_turn>", "Second one<end_of_turn>"}));
  EXPECT_EQ(trained("meta-llama-Llama-3.1-8B-Instruct", "<|eot_id|>", two),
            (Runs{"First one<|eot_id|>", "Second one<|eot_id|>"}));
  EXPECT_EQ(trained("microsoft-Phi-3.5-mini-instruct", "<|endoftext|>", two),
            (Runs{"First one<|end|>", "Second one<|end|>"}));
  EXPECT_EQ(trained("mistralai-Mistral-Nemo-Instruct-2407", "</s>", two), (Runs{"First one</s>", "Second one</s>"}));
  EXPECT_TRUE(checks_.empty());
}

TEST_F(ShippedTemplates, OddOnesAreNoted) {
  using Runs = std::vector<std::string>;
  using fake::assistant, fake::user;
  EXPECT_EQ(trained("mistralai-Mistral-Nemo-Instruct-2407", "</s>",
                    {fake::system("Be kind"), user("Hi there"), assistant("First one")}),
            (Runs{"First one</s>"}));
  EXPECT_EQ(checks_, std::set<Check>{Check::kMessageDropped});
  checks_.clear();
  EXPECT_EQ(trained("Qwen-Qwen3-0.6B", "<|im_end|>",
                    {user("Hi"), assistant("<think>\nwhy\n</think>\n\nOne"), user("And"),
                     assistant("<think>\nhow\n</think>\n\nTwo")}),
            (Runs{"<think>\nhow\n</think>\n\nTwo<|im_end|>"}));
  EXPECT_EQ(checks_, std::set<Check>{Check::kReasoningDropped});
  checks_.clear();
  EXPECT_EQ(trained("google-gemma-2-2b-it", "<eos>", {user("Hi"), user("Hi")}), Runs{});
  EXPECT_EQ(checks_, std::set<Check>{Check::kTemplateRejects});
}

}  // namespace
}  // namespace lorica
