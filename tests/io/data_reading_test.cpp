#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "io/data/dataset.h"
#include "io/data/ordered_work.h"
#include "io/data/row_encoder.h"
#include "io/data/row_index.h"
#include "tests/io/data_fakes.h"

namespace lorica {
namespace {

using fake::assistant;
using fake::Json;
using fake::user;

TEST(OrderedWork, ResultsComeInTheOrderOfTheItems) {
  for (const size_t threads : {1, 2, 7}) {
    std::vector<int> got;
    std::atomic<int> at_once = 0, most = 0;
    const std::thread::id here = std::this_thread::get_id();
    OrderedWork<int, int> work(
        threads,
        [&](int&& item) {
          most = std::max<int>(most, ++at_once);
          if (item % 64 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
          --at_once;
          return item * 3;
        },
        [&](int&& result) {
          EXPECT_EQ(std::this_thread::get_id(), here);
          got.push_back(result);
        });
    for (int i = 0; i < 2000; ++i) work.add(i, 40000);
    work.finish();
    ASSERT_EQ(got.size(), 2000u);
    for (int i = 0; i < 2000; ++i) ASSERT_EQ(got[static_cast<size_t>(i)], 3 * i);
    EXPECT_LE(most, static_cast<int>(threads));
  }
}

TEST(OrderedWork, AFailureComesInItsTurnAndTheRestIsLeft) {
  std::vector<int> got;
  const auto run = [&] {
    OrderedWork<int, int> work(
        3,
        [](int&& item) {
          if (item == 700) throw Error("item {}", item);
          return item;
        },
        [&](int&& result) { got.push_back(result); });
    for (int i = 0; i < 2000; ++i) work.add(i, 10000);
    work.finish();
  };
  EXPECT_THROW(run(), Error);
  EXPECT_EQ(got.size(), 700u);
}

TEST(RowIndex, KnowsWhereEachTextWasFirst) {
  RowIndex index;
  std::map<uint64_t, int64_t> wanted;
  std::mt19937_64 random(3);
  EXPECT_FALSE(index.find(1).has_value());
  for (int64_t i = 0; i < 50000; ++i) {
    uint64_t hash = i % 3 == 0 ? random() << 50 : random();  // many of the same
    const auto [at, added] = wanted.emplace(hash, i);
    const auto first = index.insert(hash, {i % 5, i / 5 + 1});
    ASSERT_EQ(first.has_value(), !added);
    if (!first) continue;
    ASSERT_EQ(first->file, at->second % 5);
    ASSERT_EQ(first->line, at->second / 5 + 1);
  }
  for (const auto& [hash, i] : wanted) {
    const auto found = index.find(hash);
    ASSERT_TRUE(found.has_value());
    ASSERT_EQ(found->line, i / 5 + 1);
  }
  EXPECT_FALSE(index.find(0x123456789abcdef).has_value());
  EXPECT_LE(index.bytes(), wanted.size() * 28);
}

TEST(Findings, AppendedAreAsAddedOneByOne) {
  Findings whole, first, second;
  for (int i = 0; i < 500; ++i) {
    const Check check = i % 2 == 0 ? Check::kBadJson : Check::kTooLong;
    const Note note{check, std::to_string(i)};
    whole.add("f", i, note);
    (i < 300 ? first : second).add("f", i, note);
  }
  first.append(second);
  ASSERT_EQ(first.list().size(), whole.list().size());
  for (size_t i = 0; i < whole.list().size(); ++i) EXPECT_EQ(first.list()[i].text(), whole.list()[i].text());
  EXPECT_EQ(first.counts(), whole.counts());
  EXPECT_EQ(first.errors(), whole.errors());
  EXPECT_EQ(first.warnings(), whole.warnings());
  const Findings again(whole.list(), whole.counts());
  EXPECT_EQ(again.errors(), whole.errors());
  EXPECT_EQ(again.warnings(), whole.warnings());
}

const std::vector<std::string> kSpecials = {"<bos>", "<|im_start|>", "<|im_end|>", "</s>"};

class Reading : public ::testing::Test {
 protected:
  EncodedRow encode(Row row) {
    row.file = "f";
    row.line = 1;
    return RowEncoder(sources, model, 100).encode(std::move(row), 0);
  }
  std::string trained(const EncodedRow& row) {
    std::string text;
    for (size_t i = 0; i < row.example.ids.size(); ++i) {
      if (row.example.trained[i] != 0) text += tokenizer.decode({&row.example.ids[i], 1});
    }
    return text;
  }

  fake::Folder folder;
  fake::Tokenizer tokenizer{kSpecials, true};
  fake::Chat chat{fake::chatml};
  TextModel model{&tokenizer, &chat, "<bos>", "</s>", ""};
  std::vector<DataSource> sources = {{}};
};

TEST_F(Reading, PlainTextIsFramedAndTrainedWhole) {
  Row row;
  row.is_text = true;
  row.text = "Once upon a time";
  const EncodedRow encoded = encode(row);
  EXPECT_TRUE(encoded.usable);
  EXPECT_TRUE(encoded.notes.empty());
  EXPECT_EQ(tokenizer.decode(encoded.example.ids), "<bos>Once upon a time</s>");
  EXPECT_EQ(trained(encoded), "Once upon a time</s>");
  model.eos_token.clear();
  row.text = "ends <|im_end|> here";
  const EncodedRow endless = encode(row);
  ASSERT_EQ(endless.notes.size(), 2u);
  EXPECT_EQ(endless.notes[0].check, Check::kNoEndOfTurn);
  EXPECT_EQ(endless.notes[1].message, "<|im_end|> in the text is read as a special token");
}

TEST_F(Reading, ClassifiersReadTheirInputAndTrainNothing) {
  Row row;
  row.is_text = true;
  row.text = "Bad food";
  row.label = "complaint";
  const EncodedRow text = encode(row);
  EXPECT_EQ(text.label, "complaint");
  EXPECT_EQ(tokenizer.decode(text.example.ids), "<bos>Bad food");
  EXPECT_EQ(trained(text), "");
  EXPECT_TRUE(text.notes.empty());
}

TEST_F(Reading, MessagesThatAreOnlyShownAreNotTrained) {
  Json shown = assistant("Seen");
  shown["train"] = false;
  Json taught = assistant("Learned");
  taught["train"] = true;
  Row row;
  row.messages = std::make_shared<const Json>(Json::array({user("a"), shown, user("b"), taught}));
  EXPECT_EQ(trained(encode(row)), "Learned<|im_end|>");
  // The template does not see the key.
  const fake::Chat keys([](const Json& messages, bool) {
    std::string text;
    for (const auto& m : messages) text += m.dump() + "<|im_end|>\n";
    return text;
  });
  model.chat = &keys;
  EXPECT_EQ(tokenizer.decode(encode(row).example.ids).find("train"), std::string::npos);
  const fake::Chat blocks(fake::chatml, {"Seen<|im_end|>", "Learned<|im_end|>"});
  model.chat = &blocks;
  EXPECT_EQ(trained(encode(row)), "Learned<|im_end|>");
  const fake::Chat one_block(fake::chatml, {"Learned<|im_end|>"});
  model.chat = &one_block;
  const EncodedRow unclear = encode(row);
  ASSERT_FALSE(unclear.notes.empty());
  EXPECT_EQ(unclear.notes[0].check, Check::kTemplateRewrites);
}

TEST_F(Reading, ToolsReachTheTemplate) {
  Row row;
  row.messages = std::make_shared<const Json>(Json::array({user("a"), assistant("b"), user("c"), assistant("d")}));
  row.tools = std::make_shared<const Json>(Json::array({{{"name", "look_up"}}}));
  const EncodedRow encoded = encode(row);
  EXPECT_EQ(tokenizer.decode(encoded.example.ids).find("<tools>[{\"name\":\"look_up\"}]\n<|im_start|>"), 0u);
  EXPECT_EQ(trained(encoded), "b<|im_end|>d<|im_end|>");
}

TEST_F(Reading, ASourceMayHaveItsOwnTemplate) {
  sources[0].chat_template =
      folder.write("own.jinja", "{{ bos_token }}{% for m in messages %}[{{ m.content }}]{{ eos_token }}{% endfor %}")
          .string();
  model.chat = nullptr;
  Row row;
  row.messages = std::make_shared<const Json>(Json::array({user("a"), assistant("b")}));
  EXPECT_EQ(tokenizer.decode(encode(row).example.ids), "<bos>[a]</s>[b]</s>");
  sources[0].chat_template = (folder / "absent.jinja").string();
  EXPECT_THROW(encode(row), Error);
}

/// Bytes are tokens, so that ids do not depend on the order in which texts are met.
class Bytes : public fake::Tokenizer {
 public:
  Bytes() : fake::Tokenizer({}) {}
  std::vector<int32_t> encode(std::string_view text, bool) const override {
    std::vector<int32_t> ids;
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    return ids;
  }
  std::string decode(std::span<const int32_t> ids) const override { return {ids.begin(), ids.end()}; }
};

TEST_F(Reading, TheResultIsTheSameOnAnyNumberOfThreads) {
  const Bytes bytes;
  model = {&bytes, &chat, "", "", ""};
  std::mt19937 random(1);
  std::string rows;
  for (int i = 0; i < 3000; ++i) {
    const auto size = random() % 300 + (i % 500 == 0 ? 200000u : 0u);
    const std::string reply(size, static_cast<char>('a' + random() % 26));
    rows +=
        i % 97 == 0 ? "{oops\n" : Json{{"messages", {user(std::to_string(i % 1400)), assistant(reply)}}}.dump() + "\n";
  }
  DataOptions options;
  options.train = {{.files = {folder.write("t.jsonl", rows)}}};
  options.max_tokens = 250;
  std::string wanted;
  for (const size_t threads : {1, 2, 5}) {
    options.threads = threads;
    const LoadedData loaded = inspect_data(options, model);
    std::string text = std::to_string(loaded.train.examples.hash());
    for (const ExampleView example : loaded.train.examples) text += " " + std::to_string(example.line);
    for (const Finding& finding : loaded.findings.list()) text += finding.text() + "\n";
    if (wanted.empty()) wanted = text;
    EXPECT_TRUE(text == wanted) << threads;
    EXPECT_GT(loaded.findings.count(Check::kBadJson), 20);
    EXPECT_GT(loaded.findings.count(Check::kTooLong), 100);
  }
}

}  // namespace
}  // namespace lorica
