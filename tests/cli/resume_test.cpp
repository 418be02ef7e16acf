// Runs that are killed or stopped and go on: they must end as if nothing had happened.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <random>
#include <thread>

#include "tests/cli/program.h"

namespace lorica::test {
namespace {

const std::map<std::string, std::string> kRun = {{"data.eval", (tiny_model() / "heldout.jsonl").string()},
                                                 {"adapter.lora_dropout", "0.1"},
                                                 {"train.max_steps", "24"},
                                                 {"train.examples_per_step", "6"},
                                                 {"train.learning_rate", "0.05"},
                                                 {"eval.steps", "5"},
                                                 {"save.steps", "1"}};

void pause(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

/// metrics.jsonl without what the clock and the memory decide.
std::vector<std::string> metrics_of(const Workplace& place, const std::string& run) {
  std::vector<std::string> lines;
  for (auto line : place.lines(run + "/metrics.jsonl")) {
    line.erase("tokens_per_second");
    line.erase("peak_memory_bytes");
    lines.push_back(line.dump());
  }
  return lines;
}

void expect_same_run(const Workplace& place, const std::string& left, const std::string& right) {
  EXPECT_FALSE(place.adapter(left).empty());
  EXPECT_TRUE(place.adapter(left) == place.adapter(right));
  EXPECT_EQ(metrics_of(place, left), metrics_of(place, right));
}

struct Kills {
  int killed = 0, resumed = 0;
};

/// Runs the recipe to its end, killed about eight times in `span` seconds at any moment from the start of the program
/// on.
Kills run_under_kills(const Workplace& place, double span) {
  std::mt19937 generator(11);
  Kills count;
  for (int attempt = 0; attempt < 60; ++attempt) {
    Program program(place.path(), {"train", "recipe.yaml", "--resume"});
    const bool kill = attempt < 50;
    if (kill && !program.ended(std::uniform_real_distribution<double>(0.02, 0.3)(generator) * span)) {
      program.send(SIGKILL);
      ++count.killed;
    }
    const Ran ran = program.finish();
    count.resumed += ran.err.find("resumed from") != std::string::npos;
    if (ran.code == 0) break;
    EXPECT_EQ(ran.code, 128 + SIGKILL) << ran.err;
  }
  std::printf("%d kills, %d resumptions\n", count.killed, count.resumed);
  return count;
}

TEST(Resume, KilledAgainAndAgainGivesTheSameBytes) {
  const Workplace place;
  place.write_recipe(kRun);
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(place.train({"--set", "output.dir=runs/whole"}).code, 0);
  double span = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  Kills count = run_under_kills(place, span);
  // The first run may have been slowed down by others on the machine: kill sooner.
  for (int i = 0; i < 5 && (count.killed < 3 || count.resumed < 2); ++i) {
    std::filesystem::remove_all(place.path() / "runs/a");
    count = run_under_kills(place, span /= 2);
  }
  EXPECT_GE(count.killed, 3);
  EXPECT_GE(count.resumed, 2);
  expect_same_run(place, "runs/whole", "runs/a");
}

class StopSignals : public testing::TestWithParam<int> {};

TEST_P(StopSignals, SavesAndGoesOn) {
  const Workplace place;
  place.write_recipe(kRun);
  ASSERT_EQ(place.train({"--set", "output.dir=runs/whole"}).code, 0);
  place.write_recipe(kRun);
  const std::vector<std::string> arguments = {"train", "recipe.yaml"};
  Program program(place.path(), arguments);
  ASSERT_TRUE(program.wait_for(place / "runs/a/checkpoint-3"));
  program.send(GetParam());
  const Ran stopped = program.finish();
  EXPECT_EQ(stopped.code, 128 + GetParam()) << stopped.err;
  EXPECT_NE(stopped.err.find(fmt::format("stopped by signal {} after step ", GetParam())), std::string::npos)
      << stopped.err;
  EXPECT_FALSE(place.has("runs/a/adapter"));
  ASSERT_EQ(place.train({"--resume"}).code, 0);
  expect_same_run(place, "runs/whole", "runs/a");
}

TEST_P(StopSignals, ASecondOneEndsAtOnce) {
  const Workplace place;
  // one step of this run takes far longer than the test waits
  std::string rows;
  const std::string row = file_text(tiny_model() / "train.jsonl");
  for (int i = 0; i < 400; ++i) rows += row;
  place.write("many.jsonl", rows);
  place.write_recipe({{"data.train", "many.jsonl"}, {"train.examples_per_step", "16000"}, {"train.max_steps", "2"}});
  Program program(place.path(), {"train", "recipe.yaml"});
  ASSERT_TRUE(program.wait_for(place / "runs/a/versions.txt"));
  pause(0.5);
  program.send(GetParam());
  EXPECT_FALSE(program.ended(0.2));
  program.send(GetParam());
  EXPECT_TRUE(program.ended(1));
  EXPECT_EQ(program.finish().code, 128 + GetParam());
  EXPECT_FALSE(place.has("runs/a/checkpoint-1"));
}

INSTANTIATE_TEST_SUITE_P(Both, StopSignals, testing::Values(SIGINT, SIGTERM),
                         [](const auto& test) { return test.param == SIGINT ? "SIGINT" : "SIGTERM"; });

TEST(Resume, AFinishedRunStaysAsItIs) {
  const Workplace place;
  auto keys = kRun;
  keys["train.max_steps"] = "6";
  keys["eval.steps"] = "4";
  place.write_recipe(keys);
  ASSERT_EQ(place.train().code, 0);
  const std::string adapter = place.adapter();
  const auto metrics = metrics_of(place, "runs/a");
  ASSERT_EQ(place.train({"--resume"}).code, 0);
  EXPECT_EQ(place.adapter(), adapter);
  EXPECT_EQ(metrics_of(place, "runs/a"), metrics);
}

TEST(Resume, RefusesAChangedRecipe) {
  const Workplace place;
  place.write_recipe({{"train.max_steps", "2"}});
  ASSERT_EQ(place.train().code, 0);
  const Ran ran = place.train({"--resume", "--set", "train.learning_rate=0.5"});
  EXPECT_EQ(ran.code, 2);
  std::istringstream kept(place.read("runs/a/recipe.yaml"));
  int number = 0;
  for (std::string line; std::getline(kept, line) && line.find("learning_rate") == std::string::npos;) ++number;
  EXPECT_EQ(ran.err, fmt::format("lorica: runs/a/recipe.yaml:{}: the run was started with 'learning_rate: 0.01', the "
                                 "recipe now says 'learning_rate: 0.5'\n",
                                 number + 1));
}

TEST(Resume, RefusesChangedData) {
  const Workplace place;
  fs::copy(tiny_model() / "train.jsonl", place / "train.jsonl");
  place.write_recipe({{"train.max_steps", "2"}, {"data.train", "train.jsonl"}});
  ASSERT_EQ(place.train().code, 0);
  place.write("train.jsonl", place.read("train.jsonl") +
                                 R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})" +
                                 "\n");
  const Ran ran = place.train({"--resume"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("lorica: runs/a/checkpoint-2: the training data (or how it is tokenized) changed"),
            std::string::npos)
      << ran.err;
}

}  // namespace
}  // namespace lorica::test
