#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>

#include "io/data/column.h"
#include "io/data/lint.h"
#include "io/data/token_cache.h"
#include "tests/io/data_fakes.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;
using fake::assistant;
using fake::Json;
using fake::user;

/// Bytes are tokens, and texts are counted.
class CountingTokenizer : public TextTokenizer {
 public:
  std::vector<int32_t> encode(std::string_view text, bool) const override {
    ++calls;
    std::vector<int32_t> ids;
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    return ids;
  }
  std::vector<size_t> starts(std::string_view, std::span<const int32_t>) const override { return {}; }
  std::string decode(std::span<const int32_t> ids) const override { return {ids.begin(), ids.end()}; }
  bool is_special(int32_t) const override { return false; }
  std::optional<int32_t> id_of(std::string_view) const override { return std::nullopt; }

  mutable std::atomic<int> calls = 0;
};

std::string bytes_of_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

class Cache : public ::testing::Test {
 protected:
  Cache() {
    // Good rows, a duplicate, a broken one, one that is too long, and held-out rows that are trained on.
    std::string train, eval;
    for (int i = 0; i < 40; ++i) train += row("question " + std::to_string(i % 39), "answer " + std::to_string(i % 39));
    train += "{\n" + row("long", std::string(400, 'x'));
    for (int i = 38; i < 44; ++i) eval += row("question " + std::to_string(i), "answer " + std::to_string(i));
    eval += row("question 3", "another answer");
    options.train = {{.files = {folder.write("t.jsonl", train)}, .slice_column = "kind"}};
    options.eval = {{.files = {folder.write("e.jsonl", eval)}, .slice_column = "kind"}};
    options.max_tokens = 120;
    options.cache_dir = folder / "cache";
  }
  static std::string row(const std::string& question, const std::string& answer) {
    return Json{{"messages", {user(question), assistant(answer)}}, {"kind", question.size() % 2 ? "odd" : "even"}}
               .dump() +
           "\n";
  }
  /// Everything that a run can see of the data, and whether anything was tokenized for it.
  std::string seen() {
    const int before = tokenizer.calls;
    const LoadedData loaded = inspect_data(options, model);
    read = tokenizer.calls != before;
    std::string text;
    for (const Dataset* data : {&loaded.train, &loaded.eval}) {
      for (const ExampleView e : data->examples) {
        text += fmt::format("{}:{} {} {} {} ", e.file, e.line, e.slice, e.label, e.source) + tokenizer.decode(e.ids);
        for (const uint8_t trained : e.trained) text += static_cast<char>('0' + trained);
        text += '\n';
      }
      text += fmt::format("hash {}\n", data->examples.hash());
    }
    return text + lint_data(options, model).text;
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(options.cache_dir)) {
      if (entry.path().extension() == ".tokens") found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  fake::Folder folder;
  CountingTokenizer tokenizer;
  fake::Chat chat{fake::chatml};
  TextModel model{&tokenizer, &chat, "", "", "these"};
  DataOptions options;
  bool read = false;
};

TEST_F(Cache, TheSecondRunReadsNothingAndSeesTheSame) {
  options.cache_dir.clear();
  const std::string without = seen();
  EXPECT_NE(without.find("the held-out conversation is also trained on"), std::string::npos) << without;
  EXPECT_NE(without.find("the held-out prompt is also trained on"), std::string::npos);
  EXPECT_NE(without.find("the same conversation as"), std::string::npos);
  EXPECT_NE(without.find("not valid JSON"), std::string::npos);
  options.cache_dir = folder / "cache";
  EXPECT_EQ(seen(), without);
  EXPECT_TRUE(read);
  EXPECT_EQ(seen(), without);
  EXPECT_FALSE(read);
  ASSERT_EQ(files().size(), 2u);
  struct stat info {};
  ASSERT_EQ(::stat(files()[0].c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0600u);
  ASSERT_EQ(::stat(options.cache_dir.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0700u);
}

TEST_F(Cache, OtherHeldOutDataMeetTheKeptTrainingRows) {
  seen();
  const auto eval = folder.write("other.jsonl", row("question 5", "answer 5") + row("question 6", "no"));
  options.eval[0].files = {eval};
  const std::string kept = seen();
  options.cache_dir.clear();
  EXPECT_EQ(seen(), kept);
  EXPECT_NE(kept.find("also trained on: " + (folder / "t.jsonl").string() + ":6"), std::string::npos) << kept;
}

TEST_F(Cache, WhateverDecidesAboutTheTokensIsInTheKey) {
  seen();
  const auto expect_read = [&](const char* what) {
    seen();
    EXPECT_TRUE(read) << what;
    seen();
    EXPECT_FALSE(read) << what;
  };
  // The same length and time of change: only the bytes and the file system's own stamp tell.
  const fs::path file = options.train[0].files[0];
  const auto time = fs::last_write_time(file);
  std::string bytes = bytes_of_file(file);
  bytes[bytes.find("question 7")] = 'Q';
  folder.write("t.jsonl", bytes);
  fs::last_write_time(file, time);
  expect_read("data");
  options.max_tokens = 119;
  expect_read("max_tokens");
  options.too_long = TooLong::kTruncate;
  expect_read("too_long");
  options.train[0].system_prompt = "Be kind";
  expect_read("system_prompt");
  options.train[0].slice_column = "";
  expect_read("slice_column");
  options.classes = {"a"};
  expect_read("classes");
  model.identity = "others";
  expect_read("identity");
  model.eos_token = "</s>";
  expect_read("eos");
  const std::string jinja = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
  options.train[0].chat_template = folder.write("c.jinja", jinja).string();
  expect_read("template");
  folder.write("c.jinja", jinja + "!");
  expect_read("template's text");
  options.train.push_back(options.eval[0]);
  expect_read("sources");
  options.train[1].weight = 3;
  options.threads = 3;
  seen();
  EXPECT_FALSE(read) << "what decides nothing";
  // None of these files is old enough to be known by its stamp; the test program may be.
  int hashes = 0;
  std::error_code absent;
  for (fs::directory_iterator at(options.cache_dir / "hashes", absent), end; at != end; ++at) ++hashes;
  EXPECT_LE(hashes, 1);
  model.identity.clear();
  seen();
  seen();
  EXPECT_TRUE(read) << "an unknown text side";
}

TEST_F(Cache, ADamagedFileIsReadAnew) {
  const std::string whole = seen();
  const auto expect_anew = [&](const fs::path& path, const std::string& good, const std::string& bad, size_t at) {
    { std::ofstream(path, std::ios::binary).write(bad.data(), static_cast<std::streamsize>(bad.size())); }
    ASSERT_THROW(open_token_file(path, path.stem().string()), Error) << at;
    if (at % 1001 == 0) {
      EXPECT_EQ(seen(), whole) << at;
      EXPECT_EQ(bytes_of_file(path), good) << at;
    }
  };
  for (const fs::path& path : files()) {
    const std::string good = bytes_of_file(path);
    const ReadSet set = open_token_file(path, path.stem().string());
    // The header, the documents, the prints and the facts; not what is between them, nor the ids and masks.
    const auto tokens = static_cast<size_t>(set.data.report.tokens);
    const auto aligned = [](size_t offset) { return (offset + 63) / 64 * 64; };
    const size_t documents = aligned(aligned(4096 + 4 * tokens) + tokens);
    const size_t prints = aligned(documents + 32 * set.data.examples.size());
    const size_t facts = aligned(prints + 32 * set.prints.size());
    const std::vector<std::pair<size_t, size_t>> parts = {{0, 328},
                                                          {documents, documents + 32 * set.data.examples.size()},
                                                          {prints, prints + 32 * set.prints.size()},
                                                          {facts, good.size()}};
    for (const auto& [begin, end] : parts) {
      for (size_t at = begin; at < end; at += at < 4096 ? 1 : 7) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 0x10);
        expect_anew(path, good, bad, at);
      }
    }
    for (const size_t left : {size_t{0}, size_t{100}, size_t{4096}, good.size() - 1})
      expect_anew(path, good, good.substr(0, left), 1001);
    expect_anew(path, good, "{}" + good, 1001);
  }
}

TEST_F(Cache, WhereItCannotBeWrittenTheTokensStayInMemory) {
  const std::string whole = seen();
  options.cache_dir = folder.write("file", "not a folder");
  testing::internal::CaptureStderr();
  EXPECT_EQ(seen(), whole);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("the tokens are kept in memory"), std::string::npos);
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 2) << "a line each time the data are read\n" << told;
}

TEST_F(Cache, TwoAtOnceBothEndWell) {
  options.cache_dir.clear();
  const std::string whole = seen();
  options.cache_dir = folder / "cache";
  std::vector<std::string> texts(4);
  std::vector<std::thread> threads;
  for (std::string& text : texts) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const LoadedData loaded = inspect_data(options, model);
        text = fmt::format("hash {}\n", loaded.train.examples.hash());
        for (const auto& entry : fs::directory_iterator(options.cache_dir)) {
          std::error_code gone;
          if (i % 2 == 1 && entry.path().extension() == ".tokens") fs::remove(entry.path(), gone);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& text : texts) EXPECT_NE(whole.find(text), std::string::npos);
  EXPECT_EQ(seen(), whole);
}

TEST_F(Cache, TheFilesUnusedForTheLongestTimeGoFirst) {
  TokenCache cache(folder / "full");
  fs::create_directories(folder / "full" / "hashes");
  const auto now = fs::file_time_type::clock::now();
  const auto make = [&](const std::string& name, size_t bytes, int hours) {
    const auto path = folder.write("full/" + name, std::string(bytes, 'x'));
    fs::last_write_time(path, now - std::chrono::hours(hours));
  };
  make("a.tokens", 40, 3);
  make("b.tokens", 40, 30);
  make("c.tokens", 40, 1);
  make("d.tokens.QWERTY.part", 40, 24 * 30);
  make("e.tokens.QWERTY.part", 40, 1);
  make("hashes/old", 32, 24 * 200);
  make("hashes/new", 32, 24);
  make("note.txt", 400, 24 * 400);
  cache.prune(90);
  std::vector<std::string> left;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "full")) {
    if (entry.is_regular_file()) left.push_back(entry.path().filename().string());
  }
  std::sort(left.begin(), left.end());
  EXPECT_EQ(left, (std::vector<std::string>{"a.tokens", "c.tokens", "e.tokens.QWERTY.part", "new", "note.txt"}));
}

TEST(ColumnFile, AFullDiskMovesItToMemory) {
  const fake::Folder folder;
  const fs::path path = folder.write("column", "head");
  std::string wanted;
  for (int i = 0; i < 700000; ++i) wanted += fmt::format("{:07d},", i);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{.rlim_cur = 3000000, .rlim_max = before.rlim_max};
  int reason = 0;
  Column column(::open(path.c_str(), O_RDWR), 4, [&](int failure) { reason = failure; });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  for (size_t at = 0; at < wanted.size(); at += 7000) {
    const size_t count = std::min<size_t>(7000, wanted.size() - at);
    column.append(wanted.data() + at, count);
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(reason, EFBIG);
  EXPECT_FALSE(column.in_file());
  EXPECT_EQ(column.size(), wanted.size());
  EXPECT_TRUE(column.memory() == wanted);
}

}  // namespace
}  // namespace lorica
