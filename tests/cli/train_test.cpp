// Training through the command line: what a run leaves, and what its options change.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <regex>

#include "recipes/recipe.h"
#include "tests/cli/program.h"

namespace lorica::test {
namespace {

const std::string kEval = (tiny_model() / "heldout.jsonl").string();

/// The largest difference between two adapters or models, which must hold the same tensors.
double distance(const fs::path& left, const fs::path& right) {
  const auto a = floats_of(left), b = floats_of(right);
  EXPECT_EQ(a.size(), b.size());
  double worst = 0;
  for (const auto& [name, values] : a)
    for (size_t i = 0; i < values.size(); ++i)
      worst = std::max(worst, std::abs(static_cast<double>(values[i]) - b.at(name).at(i)));
  EXPECT_FALSE(a.empty());
  return worst;
}

double eval_loss(const Workplace& place, std::vector<std::string> options) {
  options.insert(options.begin(), {"eval", "--model", tiny_model().string(), "--precision", "f32", kEval});
  const Ran ran = place.run(options);
  EXPECT_EQ(ran.code, 0) << ran.err;
  std::smatch found;
  EXPECT_TRUE(std::regex_search(ran.out, found, std::regex("all +([0-9.]+)"))) << ran.out;
  return std::stod(found[1]);
}

TEST(Train, LeavesAWholeRunFolder) {
  const Workplace place;
  place.write_recipe({{"data.eval", kEval}, {"eval.prompts", "Where is my order?"}, {"eval.max_new_tokens", "5"}});
  const Ran ran = place.train();
  ASSERT_EQ(ran.code, 0) << ran.err;
  for (const char* name : {"adapter_config.json", "adapter_model.safetensors", "README.md"})
    EXPECT_TRUE(place.has(std::string("runs/a/adapter/") + name)) << name;
  EXPECT_NE(place.read("runs/a/versions.txt").find("lorica"), std::string::npos);
  EXPECT_EQ(place.read("runs/a/report.txt"), ran.out);
  EXPECT_NE(ran.out.find("held-out loss"), std::string::npos);
  EXPECT_NE(ran.out.find("> Where is my order?"), std::string::npos);
  EXPECT_EQ(ran.err.find('\r'), std::string::npos);
  EXPECT_EQ(ran.err.find('\x1b'), std::string::npos);

  const auto metrics = place.lines("runs/a/metrics.jsonl");
  ASSERT_EQ(metrics.size(), 13u);
  EXPECT_EQ(metrics[0].at("step"), 0);
  EXPECT_TRUE(metrics[0].contains("eval_loss"));
  for (size_t i = 1; i < metrics.size(); ++i) {
    EXPECT_EQ(metrics[i].at("step"), i);
    for (const char* key : {"epoch", "loss", "grad_norm", "learning_rate", "tokens", "peak_memory_bytes"})
      EXPECT_TRUE(metrics[i].at(key).is_number()) << key;
  }
  const auto loss = [&](size_t i) { return metrics[i].at("loss").get<double>(); };
  EXPECT_LT((loss(10) + loss(11) + loss(12)) / 3, (loss(1) + loss(2) + loss(3)) / 3 - 0.1);

  const Recipe given = load_recipe(place / "recipe.yaml"), kept = load_recipe(place / "runs/a/recipe.yaml");
  EXPECT_EQ(given, kept);
}

TEST(Train, SeedDecidesTheBytes) {
  const Workplace place;
  place.write_recipe({{"adapter.lora_dropout", "0.1"}, {"train.max_steps", "5"}});
  ASSERT_EQ(place.train().code, 0);
  ASSERT_EQ(place.train({"--set", "output.dir=runs/b"}).code, 0);
  ASSERT_EQ(place.train({"--set", "output.dir=runs/c", "--set", "train.seed=1"}).code, 0);
  EXPECT_EQ(place.adapter("runs/a"), place.adapter("runs/b"));
  EXPECT_NE(place.adapter("runs/a"), place.adapter("runs/c"));
}

TEST(Train, EarlyStoppingEndsTheRun) {
  const Workplace place;
  place.write_recipe({{"data.eval", kEval},
                      {"train.max_steps", "100"},
                      {"train.learning_rate", "1"},
                      {"train.lr_scheduler_type", "constant"},
                      {"train.warmup_ratio", "0"},
                      {"eval.steps", "1"},
                      {"eval.early_stopping_patience", "2"}});
  const Ran ran = place.train();
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("the held-out loss no longer falls"), std::string::npos) << ran.out;
  std::vector<double> losses;
  for (const auto& line : place.lines("runs/a/metrics.jsonl"))
    if (line.contains("eval_loss") && line["step"] > 0) losses.push_back(line["eval_loss"]);
  ASSERT_GE(losses.size(), 3u);
  ASSERT_LT(losses.size(), 100u);
  const double best = *std::min_element(losses.begin(), losses.end());
  EXPECT_EQ(best, losses[losses.size() - 3]);
  // the adapter handed back is the best one, not the last
  EXPECT_NEAR(eval_loss(place, {"--adapter", "runs/a/adapter"}), best, 1e-4 * best);
}

TEST(Train, KeepsTheNewestCheckpointsOnly) {
  const Workplace place;
  place.write_recipe({{"train.max_steps", "7"}, {"save.steps", "2"}, {"save.total_limit", "3"}});
  ASSERT_EQ(place.train().code, 0);
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(place / "runs/a"))
    if (entry.path().filename().string().starts_with("checkpoint")) found.push_back(entry.path().filename());
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, (std::vector<std::string>{"checkpoint-4", "checkpoint-6", "checkpoint-7"}));
}

TEST(Train, RefusesARunFolderInUse) {
  const Workplace place;
  place.write_recipe({{"train.max_steps", "2"}});
  ASSERT_EQ(place.train().code, 0);
  const std::string before = place.adapter();
  const Ran refused = place.train();
  EXPECT_EQ(refused.code, 2);
  EXPECT_EQ(refused.err, "lorica: runs/a: holds a run already: --resume continues it, --overwrite starts anew\n");
  EXPECT_EQ(place.adapter(), before);
  place.write("runs/a/notes.txt", "mine");
  ASSERT_EQ(place.train({"--overwrite", "--set", "train.seed=3"}).code, 0);
  EXPECT_NE(place.adapter(), before);
  EXPECT_EQ(place.lines("runs/a/metrics.jsonl").size(), 2u);
  EXPECT_EQ(place.read("runs/a/notes.txt"), "mine");  // only what a run writes is removed
}

TEST(Train, AMistakeLeavesTheOldRunAlone) {
  const Workplace place;
  place.write_recipe({{"train.max_steps", "2"}});
  EXPECT_EQ(place.train({"--set", "data.train=nowhere.jsonl"}).code, 2);
  EXPECT_FALSE(place.has("runs"));  // so that the corrected recipe runs without --overwrite
  ASSERT_EQ(place.train().code, 0);
  const std::string before = place.adapter();
  EXPECT_EQ(place.train({"--overwrite", "--set", "data.train=nowhere.jsonl"}).code, 2);
  EXPECT_EQ(place.adapter(), before);
}

TEST(Train, NotFiniteWeightNamesStepRowAndOp) {
  for (const float value : {std::nanf(""), HUGE_VALF}) {
    const Workplace place;
    poke(place.copy_model("model") / "model.safetensors", "model.layers.1.mlp.up_proj.weight", 5, value);
    place.write_recipe({{"model.path", "model"}, {"save.steps", "1"}});
    const Ran ran = place.train();
    EXPECT_EQ(ran.code, 1);
    EXPECT_TRUE(std::regex_search(
        ran.err, std::regex("lorica: step 1: the loss is not finite; first in the result of lora_linear, at "
                            ".*train\\.jsonl:[0-9]+; the last checkpoint is untouched\n$")))
        << ran.err;
    EXPECT_FALSE(place.has("runs/a/adapter"));
    EXPECT_FALSE(place.has("runs/a/checkpoint-1"));
  }
}

TEST(Train, MicroBatchesDoNotChangeTheStep) {
  const Workplace place;
  place.write_recipe({{"train.max_steps", "1"},
                      {"train.examples_per_step", "8"},
                      {"train.micro_batch_tokens", "8192"},
                      {"data.max_tokens", "256"}});
  ASSERT_EQ(place.train().code, 0);
  ASSERT_EQ(place.train({"--set", "output.dir=runs/b", "--set", "train.micro_batch_tokens=300"}).code, 0);
  EXPECT_LT(
      distance(place / "runs/a/adapter/adapter_model.safetensors", place / "runs/b/adapter/adapter_model.safetensors"),
      1e-5);
}

TEST(Train, PackingDoesNotChangeTheLoss) {
  const Workplace place;
  EXPECT_NEAR(eval_loss(place, {"--micro-batch-tokens", "1"}), eval_loss(place, {"--micro-batch-tokens", "8192"}),
              1.01e-4);  // printed with four digits
  // all digits are in a run's log
  std::vector<double> losses;
  for (const char* tokens : {"256", "4096"}) {
    place.write_recipe({{"data.eval", kEval},
                        {"train.max_steps", "1"},
                        {"data.max_tokens", "256"},
                        {"train.micro_batch_tokens", tokens},
                        {"output.dir", std::string("runs/") + tokens}});
    ASSERT_EQ(place.train().code, 0);
    losses.push_back(place.lines(std::string("runs/") + tokens + "/metrics.jsonl").at(0).at("eval_loss"));
  }
  EXPECT_NEAR(losses[0], losses[1], 1e-5);
}

TEST(Train, AllWeightsGiveAModelFolder) {
  const Workplace place;
  place.write_recipe(
      {{"adapter.type", "none"}, {"adapter.r", ""}, {"data.eval", kEval}, {"train.learning_rate", "3e-3"}});
  const Ran ran = place.train();
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto after = floats_of(place / "runs/a/model/model.safetensors");
  const auto before = floats_of(tiny_model() / "model.safetensors");
  ASSERT_EQ(after.size(), before.size());
  for (const auto& [name, values] : before) EXPECT_NE(values, after.at(name)) << name;
  std::smatch found;
  ASSERT_TRUE(std::regex_search(ran.out, found, std::regex("([0-9.]+) before, ([0-9.]+) after"))) << ran.out;
  EXPECT_LT(std::stod(found[2]), std::stod(found[1]) - 0.2);
  const Ran eval = place.run({"eval", "--model", "runs/a/model", "--precision", "f32", kEval});
  EXPECT_NE(eval.out.find(found[2].str()), std::string::npos) << eval.out;
}

TEST(Train, ContinuesAnAdapter) {
  const Workplace place;
  place.write_recipe({{"data.eval", kEval}});
  ASSERT_EQ(place.train().code, 0);
  place.write_recipe(
      {{"data.eval", kEval}, {"adapter.r", ""}, {"adapter.path", "runs/a/adapter"}, {"output.dir", "runs/b"}});
  const Ran ran = place.train();
  ASSERT_EQ(ran.code, 0) << ran.err;
  const double before = place.lines("runs/b/metrics.jsonl").at(0).at("eval_loss");
  EXPECT_NEAR(before, eval_loss(place, {"--adapter", "runs/a/adapter"}), 1e-4);
  EXPECT_LT(eval_loss(place, {"--adapter", "runs/b/adapter"}), before);
  EXPECT_EQ(nlohmann::json::parse(place.read("runs/b/adapter/adapter_config.json")).at("r"), 4);
}

TEST(Train, PromptAndResponseColumns) {
  const Workplace place;
  std::string csv = "question,answer\n";
  for (int i = 0; i < 12; ++i)
    csv += fmt::format("\"Where, please, is order {0}?\",\"Order {0} is \"\"here\"\".\"\n", i);
  place.write("support.csv", csv);
  place.write_recipe({{"data.train", "support.csv"},
                      {"data.format", "prompt_response"},
                      {"data.prompt_column", "question"},
                      {"data.response_column", "answer"}});
  const Ran ran = place.train();
  ASSERT_EQ(ran.code, 0) << ran.err;
  const auto metrics = place.lines("runs/a/metrics.jsonl");
  EXPECT_LT(metrics.back().at("loss").get<double>(), metrics.front().at("loss").get<double>());
}

TEST(Train, PeakMemoryIsThatOfTheSystem) {
  if (!fs::exists("/usr/bin/time")) GTEST_SKIP() << "no /usr/bin/time";
  const Workplace place;
  place.write_recipe({{"train.max_steps", "3"}});
  const Ran ran = Program(place.path(), {"train", "recipe.yaml"}, "", {"/usr/bin/time", "-v"}).finish();
  ASSERT_EQ(ran.code, 0) << ran.err;
  std::smatch ours, theirs;
  ASSERT_TRUE(std::regex_search(ran.out, ours, std::regex("peak memory +([0-9.]+) MB"))) << ran.out;
  ASSERT_TRUE(std::regex_search(ran.err, theirs, std::regex("Maximum resident set size \\(kbytes\\): ([0-9]+)")));
  const double system = std::stod(theirs[1]) * 1024 / 1e6;
  EXPECT_NEAR(std::stod(ours[1]), system, 0.05 * system);
}

}  // namespace
}  // namespace lorica::test
