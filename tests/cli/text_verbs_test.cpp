// The verbs around training: generation, chat, evaluation, and looking at models, data, tokens and recipes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <sstream>

#include "tests/cli/program.h"

namespace lorica::test {
namespace {

const std::string kModel = tiny_model().string();
const std::string kTrain = (tiny_model() / "train.jsonl").string();

Ran generate(const Workplace& place, std::vector<std::string> options) {
  options.insert(options.begin(), {"generate", "--model", kModel, "--precision", "f32"});
  Ran ran = place.run(options);
  EXPECT_EQ(ran.code, 0) << ran.err;
  return ran;
}

TEST(Generate, OptionsDoWhatTheySay) {
  const Workplace place;
  const std::vector<std::string> ask = {"--prompt", "Where is my order?", "--max-new-tokens"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), ask.begin(), ask.end());
    return generate(place, more).out;
  };
  const std::string greedy = with({"12"});
  EXPECT_EQ(with({"12"}), greedy);
  const std::string start = with({"4"});
  EXPECT_TRUE(greedy.starts_with(start.substr(0, start.size() - 1))) << start << greedy;
  EXPECT_LT(start.size(), greedy.size());
  const std::string stop = greedy.substr(greedy.size() / 2, 1);
  EXPECT_EQ(with({"12", "--stop", stop}), greedy.substr(0, greedy.find(stop)) + "\n");
  const std::string one = with({"12", "--temperature", "1", "--seed", "1"});
  EXPECT_EQ(with({"12", "--temperature", "1", "--seed", "1"}), one);
  EXPECT_NE(with({"12", "--temperature", "1", "--seed", "2"}), one);
}

TEST(Generate, FilesKeepOrderAndBatchesDoNotMatter) {
  const Workplace place;
  std::string rows;
  for (const char* text : {"Hi", "I want to cancel my order, it is far too late now", "A", "Refund?", "Thanks"})
    rows += nlohmann::json{{"prompt", text}, {"id", text}}.dump() + "\n";
  rows += R"({"messages":[{"role":"user","content":"Hi"}]})"
          "\n";
  place.write("in.jsonl", rows);
  for (const char* batch : {"1", "3"})
    generate(place, {"--input", "in.jsonl", "--output", std::string("out") + batch, "--batch-size", batch,
                     "--max-new-tokens", "10"});
  const auto in = place.lines("in.jsonl"), out = place.lines("out1");
  ASSERT_EQ(out.size(), in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    EXPECT_EQ(out[i].value("id", ""), in[i].value("id", ""));
    EXPECT_TRUE(out[i].at("completion").is_string());
  }
  EXPECT_EQ(out[0].at("completion"), out[5].at("completion"));  // the same prompt, said in two ways
  EXPECT_EQ(place.read("out1"), place.read("out3"));
}

TEST(Chat, AConversationThroughAPipe) {
  const Workplace place;
  const std::vector<std::string> arguments = {"chat", "--model", kModel, "--precision", "f32", "--max-new-tokens", "6"};
  const Ran ran = place.run(arguments, "Hi\nMore\n/history\n/reset\n/history\nHi\n/exit\nnever\n");
  ASSERT_EQ(ran.code, 0) << ran.err;
  const std::string alone = place.run(arguments, "Hi\n").out;
  EXPECT_FALSE(alone.empty());
  EXPECT_TRUE(ran.out.starts_with(alone));
  EXPECT_TRUE(ran.out.ends_with(alone));  // the reset forgot the first turns
  EXPECT_NE(ran.out.find("user: Hi\nassistant: " + alone), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("user: More\n"), std::string::npos);
  EXPECT_EQ(ran.out.find("user: Hi"), ran.out.rfind("user: Hi"));
  EXPECT_EQ(ran.out.find("never"), std::string::npos);
}

TEST(Eval, SlicesAddUp) {
  const Workplace place;
  const Ran ran = place.run({"eval", "--model", kModel, "--precision", "f32", kTrain, "--slice-column", "intent"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  std::istringstream text(ran.out);
  std::string line, name;
  std::getline(text, line);  // the heading
  double sum = 0, tokens = 0, loss = 0, perplexity = 0, trained = 0;
  size_t slices = 0;
  while (std::getline(text, line)) {
    std::istringstream(line) >> name >> loss >> perplexity >> trained;
    if (name == "all") break;
    sum += loss * trained;
    tokens += trained;
    ++slices;
  }
  EXPECT_GT(slices, 3u);
  EXPECT_EQ(name, "all");
  EXPECT_EQ(tokens, trained);
  EXPECT_NEAR(sum / tokens, loss, 1e-4);
}

TEST(Info, SaysWhatThereIs) {
  const Workplace place;
  const Ran model = place.run({"info", kModel});
  EXPECT_EQ(model.code, 0) << model.err;
  EXPECT_NE(model.out.find("llama"), std::string::npos) << model.out;
  place.write_recipe({{"train.max_steps", "1"}});
  ASSERT_EQ(place.train().code, 0);
  const Ran adapter = place.run({"info", "runs/a/adapter"});
  EXPECT_EQ(adapter.code, 0) << adapter.err;
  EXPECT_NE(adapter.out.find("adapter"), std::string::npos) << adapter.out;
}

TEST(Data, PreviewAndLint) {
  const Workplace place;
  place.write_recipe();
  const Ran preview = place.run({"data", "preview", "recipe.yaml", "-n", "1"});
  EXPECT_EQ(preview.code, 0) << preview.err;
  EXPECT_NE(preview.out.find("<|im_start|>assistant"), std::string::npos) << preview.out;
  EXPECT_EQ(preview.out.find('\x1b'), std::string::npos);
  const Ran good = place.run({"data", "lint", "recipe.yaml"});
  EXPECT_EQ(good.code, 0) << good.out << good.err;
  place.write("bad.jsonl", file_text(kTrain) + "{\"messages\": [\n");
  const Ran bad = place.run({"data", "lint", "recipe.yaml", "--set", "data.train=bad.jsonl"});
  EXPECT_EQ(bad.code, 1);
  EXPECT_NE(bad.out.find("bad.jsonl:41: error: "), std::string::npos) << bad.out;
}

TEST(Tokens, RoundTrip) {
  const Workplace place;
  const std::string text = "Where is\tmy order?\n  caf\u00e9 \u4f60\u597d <|im_end|>\n";
  const Ran ids = place.run({"tokenize", "--model", kModel, "-"}, text);
  ASSERT_EQ(ids.code, 0) << ids.err;
  const Ran back = place.run({"detokenize", "--model", kModel, "-"}, ids.out);
  EXPECT_EQ(back.out, text);
  const Ran clean = place.run({"detokenize", "--model", kModel, "--skip-special", "-"}, ids.out);
  EXPECT_EQ(clean.out.find("<|im_end|>"), std::string::npos);

  const std::string lines = "\"a \\n b\"\n\"\"\n\"caf\u00e9\"\n";
  const Ran rows = place.run({"tokenize", "--model", kModel, "--jsonl", "-"}, lines);
  ASSERT_EQ(rows.code, 0) << rows.err;
  EXPECT_EQ(place.run({"detokenize", "--model", kModel, "--jsonl", "-"}, rows.out).out, lines);
}

TEST(Render, ByteForByte) {
  const Workplace place;
  place.write("chat.json", R"([{"role":"user","content":"Hi"}])");
  const Ran ran = place.run({"render", "--model", kModel, "--messages", "chat.json", "--add-generation-prompt"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(Recipe, PrintsItselfAgain) {
  const Workplace place;
  place.write_recipe();
  const Ran once = place.run({"recipe", "recipe.yaml", "--set", "train.seed=5"});
  ASSERT_EQ(once.code, 0) << once.err;
  EXPECT_NE(once.out.find("seed: 5"), std::string::npos);
  place.write("resolved.yaml", once.out);
  EXPECT_EQ(place.run({"recipe", "resolved.yaml"}).out, once.out);
}

}  // namespace
}  // namespace lorica::test
