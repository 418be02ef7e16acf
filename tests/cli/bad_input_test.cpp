// What the user reads when something is wrong: exit 2 for a mistake, 1 for a failed run, and one line that says which
// file, key or value it is.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <regex>

#include "tests/cli/program.h"

namespace lorica::test {
namespace {

const std::string kModel = tiny_model().string();

void expect_message(const Ran& ran, int code, const std::string& pattern) {
  EXPECT_EQ(ran.code, code) << ran.err;
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1) << ran.err;
  EXPECT_TRUE(std::regex_search(ran.err, std::regex("^lorica: " + pattern))) << ran.err << "expected " << pattern;
  std::printf("[%d] %s", ran.code, ran.err.c_str());
}

class BadInput : public testing::Test {
 protected:
  Ran train(const std::map<std::string, std::string>& keys) const {
    place_.write_recipe(keys);
    return place_.train();
  }
  /// Training with a copy of the model whose file `name` is `text`.
  Ran train_with(const std::string& name, const std::string& text) const {
    fs::remove_all(place_ / "model");
    place_.copy_model("model");
    place_.write("model/" + name, text);
    return train({{"model.path", "model"}});
  }
  Workplace place_;
};

TEST_F(BadInput, Weights) {
  const std::string whole = file_text(tiny_model() / "model.safetensors");
  expect_message(train_with("model.safetensors", whole.substr(0, whole.size() / 2)), 2, "model/model\\.safetensors: ");
  expect_message(train_with("model.safetensors", whole.substr(0, 5)), 2, "model/model\\.safetensors: ");
  expect_message(train_with("model.safetensors", ""), 2, "model/model\\.safetensors: ");
  std::string corrupt = whole;
  std::fill(corrupt.begin() + 40, corrupt.begin() + 60, '#');
  expect_message(train_with("model.safetensors", corrupt), 2, "model/model\\.safetensors: ");
  corrupt = whole;
  std::fill(corrupt.begin(), corrupt.begin() + 8, '\xff');
  expect_message(train_with("model.safetensors", corrupt), 2, "model/model\\.safetensors: ");
}

/// There is no GPU under CUDA_VISIBLE_DEVICES="", whatever the build and the machine.
TEST_F(BadInput, Device) {
  ::setenv("CUDA_VISIBLE_DEVICES", "", 1);
  expect_message(train({{"model.device", "cuda"}}), 2, "recipe\\.yaml:\\d+: model\\.device: cuda: ");
  expect_message(train({{"model.device", "tpu"}}), 2,
                 "recipe\\.yaml:\\d+: model\\.device: expected one of auto, cpu, cuda, got 'tpu'");
  expect_message(
      train({{"model.attention", "mma"}}), 2,
      "recipe\\.yaml:\\d+: model\\.attention: mma is for a GPU, and this run is on the CPU; leave it at auto");
  expect_message(train({{"model.attention", "flash"}}), 2,
                 "recipe\\.yaml:\\d+: model\\.attention: expected one of auto, mma, cudnn, got 'flash'");
  ::unsetenv("CUDA_VISIBLE_DEVICES");
}

TEST_F(BadInput, ModelFolder) {
  expect_message(train({{"model.path", "nowhere"}}), 2, "nowhere: no such model folder");
  std::string config = file_text(tiny_model() / "config.json");
  config.replace(config.find("\"llama\""), 7, "\"mamba\"");
  expect_message(train_with("config.json", config), 2, "model/config\\.json: model_type .mamba. is not supported");
  expect_message(train_with("config.json", "{"), 2, "model/config\\.json: ");
  nlohmann::json tokenizer = nlohmann::json::parse(file_text(tiny_model() / "tokenizer.json"));
  for (const char* name : {"<a>", "<b>"})
    tokenizer["added_tokens"].push_back({{"id", name[1] - 'a' + 400},
                                         {"content", name},
                                         {"special", true},
                                         {"single_word", false},
                                         {"lstrip", false},
                                         {"rstrip", false},
                                         {"normalized", false}});
  expect_message(train_with("tokenizer.json", tokenizer.dump()), 2,
                 "model/tokenizer\\.json: the tokenizer does not fit the model: it has 402 tokens, .* 400");
  EXPECT_FALSE(place_.has("runs"));
}

TEST_F(BadInput, Gguf) {
  std::string bytes = file_text(fs::path(TEST_DATA) / "gguf" / "tiny_llama.gguf");
  place_.write("short.gguf", bytes.substr(0, bytes.size() / 2));
  expect_message(place_.run({"convert", "short.gguf", "out"}), 2, "short\\.gguf: ");
  bytes[0] = 'X';
  place_.write("other.gguf", bytes);
  expect_message(place_.run({"convert", "other.gguf", "out"}), 2, "other\\.gguf: ");
  expect_message(place_.run({"convert", "none.gguf", "out"}), 2, "none\\.gguf: cannot open: No such file");
  EXPECT_FALSE(place_.has("out/model.safetensors"));
}

TEST_F(BadInput, Init) {
  expect_message(place_.run({"init", "none.json", "out"}), 2, "none\\.json: cannot open: No such file");
  place_.write("config.json", R"({"model_type": "mamba"})");
  expect_message(place_.run({"init", "config.json", "out"}), 2, "config\\.json: model_type .mamba. is not supported");
  expect_message(place_.run({"init", kModel + "/config.json", "out", "--dtype", "f8"}), 2, "--dtype: f8 not in ");
  expect_message(place_.run({"init", kModel + "/config.json", "."}), 2, "\\.: the folder is not empty");
  EXPECT_FALSE(place_.has("out"));
}

TEST_F(BadInput, RecipeKeys) {
  place_.write_recipe();
  std::string text = place_.read("recipe.yaml");
  text.replace(text.find("  r: 4"), 6, "  rnk: 4");
  place_.write("recipe.yaml", text);
  expect_message(place_.train(), 2, "recipe\\.yaml:2: adapter\\.rnk: unknown key; did you mean 'adapter\\.r'\\?\n");
  expect_message(train({{"adapter.r", "0"}}), 2, "recipe\\.yaml:2: adapter\\.r: expected an integer from 1 .*'0'");
  expect_message(place_.train({"--set", "train.lr=1"}), 2, "--set train\\.lr: unknown key; did you mean");
  expect_message(place_.run({"train", "none.yaml"}), 2, "none\\.yaml: cannot open: No such file");
}

TEST_F(BadInput, Data) {
  place_.write("rows.jsonl", R"({"note":"a"})"
                             "\n");
  expect_message(train({{"data.train", "rows.jsonl"}}), 2, "rows\\.jsonl(:1)?: .*messages");
  place_.write("rows.csv", "question,reply\na,b\n");
  expect_message(train({{"data.train", "rows.csv"},
                        {"data.format", "prompt_response"},
                        {"data.prompt_column", "question"},
                        {"data.response_column", "answer"}}),
                 2, "rows\\.csv(:1)?: .*answer");
  place_.write("empty.jsonl", "");
  expect_message(train({{"data.train", "empty.jsonl"}}), 2, "empty\\.jsonl: ");
  expect_message(train({{"data.train", "none.jsonl"}}), 2, "none\\.jsonl: cannot open: No such file");
  place_.write("broken.jsonl", file_text(tiny_model() / "train.jsonl") + "{\"messages\":\n");
  expect_message(train({{"data.train", "broken.jsonl"}}), 2, "broken\\.jsonl:41: ");
}

TEST_F(BadInput, AdapterOfAnotherModel) {
  const std::string other = (fs::path(TEST_DATA) / "golden" / "qwen3" / "adapter").string();
  expect_message(train({{"adapter.path", other}, {"adapter.r", ""}}), 2, ".*the adapter is for another model: ");
  expect_message(train({{"adapter.path", "none"}, {"adapter.r", ""}}), 2,
                 "none/adapter_config\\.json: cannot open: No such file");
}

TEST_F(BadInput, CommandLine) {
  const auto with_model = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"generate", "--model", kModel, "--prompt", "a"});
    return place_.run(options);
  };
  expect_message(place_.run({"trane"}), 2, "unknown verb 'trane'");
  expect_message(place_.run({}), 2, "no verb given");
  expect_message(with_model({"--colour"}), 2, ".*--colour");
  expect_message(with_model({"--temperature", "-1"}), 2, "--temperature: .*-1");
  expect_message(with_model({"--top-p", "1.5"}), 2, "--top-p: .*1.5");
  expect_message(with_model({"--max-new-tokens", "0"}), 2, "--max-new-tokens: .*0");
  expect_message(with_model({"--seed", "-1"}), 2, "--seed: must not be negative, got -1");
  expect_message(with_model({"--stop", ""}), 2, "--stop: ");
  expect_message(with_model({"--precision", "f16"}), 2, "--precision: .*f16");
  const std::string rows = (tiny_model() / "heldout.jsonl").string();
  expect_message(place_.run({"eval", "--model", kModel, rows, "--micro-batch-tokens", "0"}), 2,
                 "--micro-batch-tokens: .*0");
  expect_message(place_.run({"eval", "--model", kModel, rows, "--max-tokens", "-3"}), 2, "--max-tokens: .*-3");
  place_.write_recipe();
  expect_message(place_.run({"data", "preview", "recipe.yaml", "-n", "-1"}), 2, "-n: .*-1");
}

TEST_F(BadInput, GenerateRows) {
  const auto generate = [&](const std::string& row) {
    place_.write("in.jsonl", R"({"prompt":"a"})"
                             "\n" +
                                 row + "\n");
    return place_.run({"generate", "--model", kModel, "--input", "in.jsonl"});
  };
  expect_message(generate("{"), 2, "in\\.jsonl:2: ");
  expect_message(generate(R"({"note":"a"})"), 2, "in\\.jsonl:2: expected an object with");
  expect_message(generate(R"({"messages":"a"})"), 2, "in\\.jsonl:2: ");
  expect_message(generate(nlohmann::json{{"prompt", std::string(4000, 'x')}}.dump()), 2, "in\\.jsonl:2: .*tokens");
}

// Root writes where it likes, so the program runs as nobody there.
TEST_F(BadInput, ReadOnlyFolder) {
  place_.write_recipe({{"output.dir", "closed/run"}});
  fs::create_directories(place_ / "closed");
  fs::permissions(place_ / "closed",
                  fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec);
  if (::geteuid() != 0) {
    expect_message(place_.train(), 1, "closed/run: cannot create the run folder: Permission denied");
    return;
  }
  if (!fs::exists("/usr/bin/setpriv")) GTEST_SKIP() << "root, and no setpriv to become another user";
  fs::permissions(place_.path(), fs::perms::all);
  const std::vector<std::string> nobody = {"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
  if (Program(place_.path(), {"info", kModel}, "", nobody).finish().code != 0)
    GTEST_SKIP() << "another user cannot read the program or the model here";
  const Ran ran = Program(place_.path(), {"train", "recipe.yaml"}, "", nobody).finish();
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("lorica: closed/run: cannot create the run folder: Permission denied\n"), std::string::npos)
      << ran.err;
  std::printf("[%d] %s", ran.code, ran.err.c_str());
}

TEST_F(BadInput, FullDisk) {
  fs::create_directories(place_ / "disk");
  if (::mount("tmpfs", (place_ / "disk").c_str(), "tmpfs", 0, "size=1m") != 0)
    GTEST_SKIP() << "no right to mount a small file system";
  // a checkpoint of rank 16 takes some 300 kB: the first ones fit
  place_.write_recipe(
      {{"output.dir", "disk/run"}, {"adapter.r", "16"}, {"save.steps", "2"}, {"save.total_limit", "9"}});
  const Ran ran = place_.train();
  EXPECT_EQ(ran.code, 1) << ran.err;
  EXPECT_TRUE(
      std::regex_search(ran.err, std::regex("lorica: disk/run/checkpoint-[0-9]+\\.part/[a-z_]+\\.[a-z]+: cannot "
                                            "[a-z]+: No space left on device\n$")))
      << ran.err;
  std::printf("[%d] %s", ran.code, ran.err.substr(ran.err.find("lorica: ")).c_str());
  EXPECT_TRUE(place_.has("disk/run/checkpoint-2/trainer_state.json"));
  EXPECT_TRUE(place_.has("disk/run/checkpoint-2/training.safetensors"));
  for (const auto& entry : fs::directory_iterator(place_ / "disk/run")) EXPECT_NE(entry.path().extension(), ".part");
  // with room again the run goes on
  ::mount("tmpfs", (place_ / "disk").c_str(), "tmpfs", MS_REMOUNT, "size=32m");
  EXPECT_EQ(place_.train({"--resume"}).code, 0);
  ::umount2((place_ / "disk").c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace lorica::test
