#include "io/hub/hub.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "io/formats/file_bytes.h"
#include "io/hub/http.h"
#include "kernels/error.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;
constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

/// tests/io/hub_server.py as a child; it ends when its stdin closes.
class Server {
 public:
  Server() {
    int in[2], out[2];
    if (pipe(in) != 0 || pipe(out) != 0) std::abort();
    child_ = fork();
    if (child_ == 0) {
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      for (int fd : {in[0], in[1], out[0], out[1]}) close(fd);
      execlp("python3", "python3", SOURCE_ROOT "/tests/io/hub_server.py", nullptr);
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    stdin_ = in[1];
    char c;
    while (read(out[0], &c, 1) == 1 && c != '\n') port_ += c;
    close(out[0]);
  }
  ~Server() {
    close(stdin_);
    waitpid(child_, nullptr, 0);
  }
  std::string endpoint() const { return "http://127.0.0.1:" + port_; }
  nlohmann::json log() const { return nlohmann::json::parse(get("/log")); }
  void reset() const { get("/reset"); }

 private:
  std::string get(const std::string& path) const {
    std::string body;
    Http http(5);
    http.get({.url = endpoint() + path, .token = {}}, [&](std::string_view piece) {
      body += piece;
      return true;
    });
    return body;
  }
  pid_t child_;
  int stdin_;
  std::string port_;
};

class HubTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = new Server; }
  static void TearDownTestSuite() {
    delete server_;
    server_ = nullptr;
  }
  void SetUp() override {
    cache_ = fs::path(testing::TempDir()) / ("lorica_hub_" + std::to_string(getpid()));
    fs::remove_all(cache_);
    settings_ = {.endpoint = server_->endpoint(), .cache = cache_, .token = {}, .stall_seconds = 2};
    settings_.retry_seconds = 0.01;
    server_->reset();
  }
  void TearDown() override { fs::remove_all(cache_); }

  fs::path get(const std::string& repo, std::vector<std::string> include = {}, const std::string& revision = "main") {
    return download_from_hub({.repo = repo, .revision = revision, .include = std::move(include)}, settings_);
  }
  std::string failure(const std::string& repo, const std::string& revision = "main") {
    try {
      get(repo, {}, revision);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  /// How often a path that contains the text was asked for.
  static int asked(const std::string& text) {
    int count = 0;
    for (const auto& entry : server_->log()) count += entry["path"].get<std::string>().find(text) != std::string::npos;
    return count;
  }

  static Server* server_;
  fs::path cache_;
  HubSettings settings_;
};
Server* HubTest::server_ = nullptr;

std::string large_file() {
  std::string bytes(300000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>((i * 7 + i / 251) % 256);
  return bytes;
}

TEST_F(HubTest, ALayoutThatPythonSharesAndOnlyWhatAModelNeeds) {
  const fs::path folder = get("good/model");
  const fs::path repo = cache_ / "models--good--model";
  EXPECT_EQ(folder, repo / "snapshots" / kCommit);
  EXPECT_EQ(read_file(repo / "refs" / "main"), kCommit);
  EXPECT_EQ(read_file(folder / "model.safetensors"), large_file());
  EXPECT_EQ(read_file(folder / "config.json"), "{\"model_type\": \"llama\"}");
  EXPECT_EQ(read_file(folder / "empty.jinja"), "");
  EXPECT_EQ(read_file(folder / "na me+#.safetensors"), "odd name");
  EXPECT_TRUE(fs::is_symlink(folder / "config.json"));
  EXPECT_EQ(fs::read_symlink(folder / "config.json").parent_path(), "../../blobs");
  EXPECT_FALSE(fs::exists(folder / "pytorch_model.bin") || fs::exists(folder / "onnx"));
  for (const auto& blob : fs::directory_iterator(repo / "blobs")) EXPECT_NE(blob.path().extension(), ".incomplete");
}

TEST_F(HubTest, ASecondCallFetchesNoFile) {
  get("good/model");
  server_->reset();
  get("good/model");
  EXPECT_EQ(asked("/resolve/"), 0);
  EXPECT_EQ(asked("/api/"), 3);  // the revision and two pages
}

TEST_F(HubTest, GlobsChoose) {
  const fs::path folder = get("good/model", {"*.bin", "onnx/*"}, "v1");
  EXPECT_TRUE(fs::exists(folder / "pytorch_model.bin") && fs::exists(folder / "onnx/model.onnx"));
  EXPECT_FALSE(fs::exists(folder / "config.json"));
  EXPECT_EQ(read_file(cache_ / "models--good--model" / "refs" / "v1"), kCommit);
  try {
    get("good/model", {"*.pt"});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "hub: good/model: no file of revision 'main' matches");
  }
}

TEST_F(HubTest, TheTokenGoesToTheHubAndNotToWhereItRedirects) {
  settings_.token = "secret";
  get("good/model", {"model.safetensors"});
  bool redirected = false;
  for (const auto& entry : server_->log()) {
    const bool elsewhere = entry["host"] == "localhost";
    redirected = redirected || elsewhere;
    EXPECT_EQ(entry["token"], elsewhere ? nlohmann::json() : nlohmann::json("Bearer secret")) << entry;
  }
  EXPECT_TRUE(redirected);
  EXPECT_NO_THROW(get("private/model"));
}

TEST_F(HubTest, ABrokenTransferGoesOnWhereItStopped) {
  const fs::path folder = get("dropping/model", {"model.safetensors"});
  EXPECT_EQ(read_file(folder / "model.safetensors"), large_file());
  std::vector<nlohmann::json> ranges;
  for (const auto& entry : server_->log())
    if (entry["path"].get<std::string>().find("resolve") != std::string::npos) ranges.push_back(entry["range"]);
  EXPECT_EQ(ranges, (std::vector<nlohmann::json>{nullptr, "bytes=100000-", "bytes=200000-"}));
}

TEST_F(HubTest, WhatAnEarlierRunLeftIsUsed) {
  settings_.tries = 1;
  EXPECT_NE(failure("dropping/model").find("what came in is kept"), std::string::npos);
  EXPECT_NE(failure("dropping/model").find("what came in is kept"), std::string::npos);
  EXPECT_EQ(failure("dropping/model"), "");
}

TEST_F(HubTest, ATransferThatStandsStillIsGivenUp) {
  settings_.tries = 1;
  const std::string message = failure("slow/model");
  EXPECT_NE(message.find("hub: slow/model: model.safetensors: "), std::string::npos) << message;
}

TEST_F(HubTest, AWrongHashIsSeenAndNothingIsKept) {
  const std::string message = failure("wrong/hash");
  EXPECT_NE(message.find("hub: wrong/hash: model.safetensors: the bytes that came in have hash "), std::string::npos)
      << message;
  EXPECT_FALSE(fs::exists(cache_ / "models--wrong--hash" / "snapshots" / kCommit / "model.safetensors"));
  EXPECT_FALSE(fs::exists(cache_ / "models--wrong--hash" / "refs"));
  for (const auto& blob : fs::directory_iterator(cache_ / "models--wrong--hash" / "blobs"))
    EXPECT_NE(blob.path().extension(), ".incomplete");
}

TEST_F(HubTest, ABusyHubIsAskedAgain) {
  EXPECT_EQ(failure("busy/model"), "");
  settings_.tries = 2;
  fs::remove_all(cache_);
  EXPECT_EQ(failure("busy/model"), "");  // each of its addresses has said so twice by now
}

TEST_F(HubTest, RefusalsSayWhatToDo) {
  EXPECT_EQ(failure("private/model"),
            "hub: private/model: no access (401); if the name is right, set HF_TOKEN to a token that may read it");
  EXPECT_EQ(failure("absent/model"), "hub: absent/model: revision 'main': not found (404) at " + server_->endpoint());
  EXPECT_EQ(failure("good/model", "v9"), "hub: good/model: no revision 'v9'");
  EXPECT_EQ(failure("good/model", "../x"), "hub: good/model: not a revision: '../x'");
  EXPECT_EQ(failure("model"), "hub: expected OWNER/NAME, got 'model'");
  EXPECT_EQ(failure("outside/model"), "hub: outside/model: list of files: cannot use the entry '../../stolen.json'");
  EXPECT_EQ(failure("html/model"),
            "hub: html/model: revision 'main': the answer of " + server_->endpoint() + " is not JSON");
  settings_.endpoint = "http://127.0.0.1:1";
  settings_.tries = 2;
  EXPECT_NE(failure("good/model").find("(2 tries)"), std::string::npos);
}

TEST_F(HubTest, OfflineTakesTheCache) {
  const fs::path folder = get("good/model");
  settings_.offline = true;
  server_->reset();
  EXPECT_EQ(get("good/model"), folder);
  EXPECT_EQ(get("good/model", {}, kCommit), folder);
  EXPECT_EQ(server_->log().size(), 0u);
  EXPECT_EQ(failure("other/model"),
            "hub: other/model: not in the cache " + cache_.string() + ", and HF_HUB_OFFLINE forbids fetching it");
}

TEST_F(HubTest, AMistypedPathIsToldFromAName) {
  setenv("HF_ENDPOINT", server_->endpoint().c_str(), 1);
  setenv("HF_HUB_CACHE", cache_.c_str(), 1);
  try {
    model_folder("absent/model");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.what(),
              "absent/model: no such folder here; hub: absent/model: revision 'main': not found (404) at " +
                  server_->endpoint());
  }
  EXPECT_EQ(model_folder("good/model"), cache_ / "models--good--model" / "snapshots" / kCommit);
  EXPECT_EQ(model_folder(cache_.string()), cache_);
  EXPECT_EQ(model_folder("nowhere"), "nowhere");
  for (const char* name : {"HF_ENDPOINT", "HF_HUB_CACHE"}) unsetenv(name);
}

TEST_F(HubTest, TwoCommitsShareTheirFiles) {
  const fs::path first = get("moved/model"), second = get("moved/model");
  EXPECT_NE(first, second);
  EXPECT_EQ(fs::canonical(first / "config.json"), fs::canonical(second / "config.json"));
  EXPECT_EQ(asked("/resolve/"), 5);
}

TEST(HubNames, PathsAreNotNames) {
  for (const char* name : {"a/b", "HuggingFaceTB/SmolLM2-135M-Instruct", "o_1/n.2"})
    EXPECT_TRUE(is_hub_name(name)) << name;
  for (const char* path : {"a", "/a/b", "a/b/c", "./b", "../b", "a/", "/a", "a b/c", "a/.b", "-a/b"})
    EXPECT_FALSE(is_hub_name(path)) << path;
}

TEST(HubSettings, TheEnvironmentIsReadAsPythonReadsIt) {
  const fs::path home = fs::path(testing::TempDir()) / "lorica_hub_home";
  fs::create_directories(home);
  std::ofstream(home / "token") << "from_file\n";
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_CACHE", "HF_TOKEN_PATH", "HF_ENDPOINT"})
    unsetenv(name);
  setenv("HF_HOME", home.c_str(), 1);
  setenv("HF_HUB_OFFLINE", "1", 1);
  HubSettings settings = HubSettings::from_environment();
  EXPECT_EQ(settings.cache, home / "hub");
  EXPECT_EQ(settings.token, "from_file");
  EXPECT_EQ(settings.endpoint, "https://huggingface.co");
  EXPECT_TRUE(settings.offline);
  setenv("HF_TOKEN", " from_variable ", 1);
  setenv("HF_ENDPOINT", "http://127.0.0.1:9/", 1);
  setenv("HF_HUB_OFFLINE", "0", 1);
  settings = HubSettings::from_environment();
  EXPECT_EQ(settings.token, "from_variable");
  EXPECT_EQ(settings.endpoint, "http://127.0.0.1:9");
  EXPECT_FALSE(settings.offline);
  for (const char* name : {"HF_TOKEN", "HF_HOME", "HF_ENDPOINT", "HF_HUB_OFFLINE"}) unsetenv(name);
  fs::remove_all(home);
}

}  // namespace
}  // namespace lorica
