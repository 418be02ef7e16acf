// Classifiers through the command line: a new head, what a run leaves, resuming, evaluating, asking.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <sstream>

#include "tests/cli/program.h"

namespace lorica::test {
namespace {

constexpr const char* kTexts[] = {"My card is lost, block it",     "Where is my parcel now",
                                  "I want my money back",          "The card does not work",
                                  "The order has not arrived yet", "Please refund the fee"};
constexpr const char* kLabels[] = {"card", "order", "refund"};

/// A folder with train.csv and heldout.csv of three classes.
class Classifier : public testing::Test {
 protected:
  void SetUp() override {
    std::string train = "text,category\n", heldout = train;
    for (int i = 0; i < 24; ++i) train += fmt::format("\"{}, {}\",{}\n", kTexts[i % 6], i, kLabels[i % 3]);
    for (int i = 0; i < 6; ++i) heldout += fmt::format("\"{} at once\",{}\n", kTexts[i], kLabels[i % 3]);
    place_.write("train.csv", train);
    place_.write("heldout.csv", heldout);
  }
  void recipe(std::map<std::string, std::string> keys = {}) const {
    keys.merge(std::map<std::string, std::string>{{"model.task", "seq_cls"},
                                                  {"data.train", "train.csv"},
                                                  {"data.eval", "heldout.csv"},
                                                  {"data.format", "classification"},
                                                  {"data.label_column", "category"}});
    place_.write_recipe(keys);
  }
  Ran classify(std::vector<std::string> options, const std::string& input = "") const {
    options.insert(options.begin(), {"classify", "--model", tiny_model().string(), "--precision", "f32"});
    return place_.run(options, input);
  }
  nlohmann::json json(const std::string& name) const { return nlohmann::json::parse(place_.read(name)); }
  Workplace place_;
};

TEST_F(Classifier, LearnsAndLeavesAnAdapterOfPeft) {
  recipe({{"train.max_steps", "30"}});
  const Ran ran = place_.train();
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto metrics = place_.lines("runs/a/metrics.jsonl");
  EXPECT_EQ(metrics.at(1).at("trained_tokens"), 4);  // one label an example
  EXPECT_LT(metrics.back().at("loss").get<double>(), 0.2);
  EXPECT_NE(ran.out.find("accuracy "), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("lorica classify --model"), std::string::npos) << ran.out;

  const auto config = json("runs/a/adapter/adapter_config.json");
  EXPECT_EQ(config.at("task_type"), "SEQ_CLS");
  EXPECT_EQ(config.at("modules_to_save"), nlohmann::json({"score"}));
  const auto labels = json("runs/a/adapter/labels.json");
  EXPECT_EQ(labels.at("id2label"), nlohmann::json({{"0", "card"}, {"1", "order"}, {"2", "refund"}}));
  EXPECT_EQ(labels.at("label2id").at("refund"), 2);
  const auto tensors = floats_of(place_ / "runs/a/adapter/adapter_model.safetensors");
  EXPECT_EQ(tensors.at("base_model.model.score.weight").size() % 3, 0u);
}

TEST_F(Classifier, TheSeedDecidesTheHead) {
  recipe({{"train.max_steps", "1"}, {"train.learning_rate", "1e-30"}});
  const auto head = [&](const std::string& run, const std::string& seed) {
    EXPECT_EQ(place_.train({"--set", "output.dir=" + run, "--set", "train.seed=" + seed}).code, 0);
    return floats_of(place_ / (run + "/adapter/adapter_model.safetensors")).at("base_model.model.score.weight");
  };
  const std::vector<float> first = head("runs/x", "1");
  EXPECT_EQ(first, head("runs/y", "1"));
  EXPECT_NE(first, head("runs/z", "2"));
  double sum = 0, squares = 0;
  for (const float value : first) sum += value, squares += static_cast<double>(value) * value;
  const auto n = static_cast<double>(first.size());
  const double spread = nlohmann::json::parse(file_text(tiny_model() / "config.json")).value("initializer_range", 0.02);
  EXPECT_NEAR(sum / n, 0, 5 * spread / std::sqrt(n));
  EXPECT_NEAR(std::sqrt(squares / n), spread, 5 * spread / std::sqrt(2 * n));
}

TEST_F(Classifier, ResumedRunsHaveTheSameBytes) {
  recipe({{"train.max_steps", "6"},
          {"adapter.lora_dropout", "0.1"},
          {"eval.steps", "2"},
          {"save.steps", "1"},
          {"save.total_limit", "9"}});
  ASSERT_EQ(place_.train({"--set", "output.dir=runs/whole"}).code, 0);
  ASSERT_EQ(place_.train().code, 0);
  for (const char* name : {"checkpoint-4", "checkpoint-5", "checkpoint-6", "adapter"})
    fs::remove_all(place_ / (std::string("runs/a/") + name));  // as if it had been killed after step 3
  const Ran ran = place_.train({"--resume"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.err.find("at step 3"), std::string::npos) << ran.err;
  EXPECT_EQ(place_.adapter("runs/a"), place_.adapter("runs/whole"));
}

TEST_F(Classifier, EvalAgreesWithCountsByHand) {
  recipe();
  ASSERT_EQ(place_.train().code, 0);
  const Ran asked = classify({"--adapter", "runs/a/adapter", "texts.jsonl", "--jsonl", "--json"});
  EXPECT_EQ(asked.code, 2);                                                              // no such file
  const auto label_of = [](int i) { return std::string(kLabels[i == 0 ? 1 : i % 3]); };  // the first one is wrong
  std::string rows, labelled = "text,category\n";
  for (int i = 0; i < 6; ++i) {
    rows += fmt::format("{{\"text\": \"{} at once\", \"n\": {}}}\n", kTexts[i], i);
    labelled += fmt::format("\"{} at once\",{}\n", kTexts[i], label_of(i));
  }
  place_.write("texts.jsonl", rows);
  place_.write("labelled.csv", labelled);
  const Ran ran = classify({"--adapter", "runs/a/adapter", "texts.jsonl", "--jsonl", "--json"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  std::istringstream lines(ran.out);
  double loss = 0, right = 0, f1 = 0;
  std::map<std::string, std::array<double, 3>> counts;  // actual, predicted, both
  int number = 0;
  for (std::string line; std::getline(lines, line); ++number) {
    const auto row = nlohmann::json::parse(line);
    EXPECT_EQ(row.at("n"), number);
    const std::string label = label_of(number), predicted = row.at("label");
    double sum = 0;
    for (const auto& [name, share] : row.at("scores").items()) {
      sum += share.get<double>();
      EXPECT_LE(share.get<double>(), row["scores"][predicted].get<double>()) << name;
    }
    EXPECT_NEAR(sum, 1, 1e-9);
    loss -= std::log(row["scores"][label].get<double>()) / 6;
    right += label == predicted ? 1 : 0;
    counts[label][0] += 1, counts[predicted][1] += 1, counts[label][2] += label == predicted ? 1 : 0;
  }
  EXPECT_EQ(number, 6);
  for (const auto& [label, c] : counts) f1 += 2 * c[2] / (c[0] + c[1]) / static_cast<double>(counts.size());
  const Ran eval = place_.run({"eval", "--model", tiny_model().string(), "--adapter", "runs/a/adapter", "--precision",
                               "f32", "labelled.csv", "--by-class"});
  ASSERT_EQ(eval.code, 0) << eval.err;
  EXPECT_NE(eval.out.find(fmt::format("{:<32} {:>10.4f} {:>10.4f} {:>10.4f} {:>10}", "all", loss, right / 6, f1, 6)),
            std::string::npos)
      << eval.out << loss << " " << right / 6 << " " << f1;
  for (const auto& [label, c] : counts)
    EXPECT_NE(eval.out.find(fmt::format("{:<32} {:>10.4f} {:>10.4f} {:>10.4f} {:>10} {:>10}", label,
                                        c[1] > 0 ? c[2] / c[1] : 0, c[2] / c[0], 2 * c[2] / (c[0] + c[1]), c[0], c[1])),
              std::string::npos)
        << label << eval.out;
}

TEST_F(Classifier, AnswersDoNotDependOnTheBatch) {
  recipe({{"train.max_steps", "4"}});
  ASSERT_EQ(place_.train().code, 0);
  std::string all, single;
  for (const char* text : kTexts) {
    all += std::string(text) + "\n";
    const Ran one = classify({"--adapter", "runs/a/adapter", "--text", text, "-k", "3"});
    ASSERT_EQ(one.code, 0) << one.err;
    single += one.out;
  }
  const Ran ran = classify({"--adapter", "runs/a/adapter", "-", "-k", "3"}, all);
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, single);
  EXPECT_EQ(std::count(single.begin(), single.end(), '\t'), 6 * 5);
  const Ran cut = classify({"--adapter", "runs/a/adapter", "-", "--max-tokens", "5"}, all);
  EXPECT_EQ(cut.err, "6 of 6 texts truncated\n");
}

TEST_F(Classifier, AnAdapterIsContinued) {
  recipe();
  ASSERT_EQ(place_.train().code, 0);
  const auto last = place_.run({"eval", "--model", tiny_model().string(), "--adapter", "runs/a/adapter", "--precision",
                                "f32", "heldout.csv", "--label-column", "category"});
  recipe({{"adapter.r", ""}, {"adapter.path", "runs/a/adapter"}, {"output.dir", "runs/b"}});
  ASSERT_EQ(place_.train().code, 0);
  const double before = place_.lines("runs/b/metrics.jsonl").at(0).at("eval_loss");
  EXPECT_NE(last.out.find(fmt::format("{:.4f}", before)), std::string::npos) << last.out << before;
}

TEST_F(Classifier, AllWeightsGiveAModelFolderThatIsAClassifier) {
  recipe({{"adapter.type", "none"}, {"adapter.r", ""}, {"train.learning_rate", "1e-3"}});
  ASSERT_EQ(place_.train().code, 0);
  const auto config = json("runs/a/model/config.json");
  EXPECT_EQ(config.at("architectures"), nlohmann::json({"LlamaForSequenceClassification"}));
  EXPECT_EQ(config.at("id2label").at("1"), "order");
  EXPECT_EQ(config.at("num_labels"), 3);
  EXPECT_TRUE(config.at("pad_token_id").is_number_integer());
  const Ran eval = place_.run(
      {"eval", "--model", "runs/a/model", "--precision", "f32", "heldout.csv", "--label-column", "category"});
  ASSERT_EQ(eval.code, 0) << eval.err;
  // a folder that is a classifier already keeps its head and labels
  recipe({{"model.path", "runs/a/model"}, {"output.dir", "runs/c"}, {"train.max_steps", "1"}});
  const Ran ran = place_.train();
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(eval.out.find(fmt::format("{:.4f}", place_.lines("runs/c/metrics.jsonl").at(0)["eval_loss"].get<double>())),
            std::string::npos)
      << eval.out;
}

TEST_F(Classifier, MistakesAreNamed) {
  recipe({{"data.labels", "[card, ordr, refund]"}});
  EXPECT_EQ(place_.train().err.substr(0, 92),
            "lorica: train.csv:3: label 'order': not one of the 3 classes; the nearest is 'ordr' (and 9 m");
  recipe({{"data.format", "chat"}, {"data.label_column", ""}});
  EXPECT_NE(place_.train().err.find("model.task: seq_cls does not go with data.format"), std::string::npos);
  recipe({{"data.label_column", "intent"}});
  EXPECT_NE(place_.train().err.find("train.csv:1: no column 'intent'"), std::string::npos) << place_.train().err;
  place_.write("one.csv", "text,category\na,b\nc,b\n");
  recipe({{"data.train", "one.csv"}});
  EXPECT_EQ(place_.train().err, "lorica: one.csv: all rows have the label 'b'; a classifier needs at least two\n");
  EXPECT_NE(classify({"--text", "hello"}).err.find("a language model, not a sequence classifier"), std::string::npos);
  recipe({{"train.max_steps", "1"}});
  ASSERT_EQ(place_.train().code, 0);
  const Ran ran =
      place_.run({"generate", "--model", tiny_model().string(), "--adapter", "runs/a/adapter", "--prompt", "x"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("a sequence classifier, which cannot write text"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace lorica::test
