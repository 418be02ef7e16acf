#include <gtest/gtest.h>

#include "io/data/lint.h"
#include "io/data/preview.h"
#include "io/data/preview_html.h"
#include "io/tokenizer/utf8.h"
#include "tests/io/data_fakes.h"

namespace lorica {
namespace {

using fake::assistant;
using fake::Json;
using fake::user;

std::string line(const Json& messages) { return Json{{"messages", messages}}.dump() + "\n"; }

class Lint : public ::testing::Test {
 protected:
  bool finds(Check check, const std::string& file, int64_t at) const {
    const LoadedData loaded = inspect_data(options, model);
    const auto& list = loaded.findings.list();
    return std::any_of(list.begin(), list.end(), [&](const Finding& finding) {
      return finding.check == check && finding.line == at && finding.file == (folder / file).string();
    });
  }
  std::string refusal() const {
    try {
      load_data(options, model);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }

  fake::Folder folder;
  fake::Tokenizer tokenizer{{"<bos>", "<|im_start|>", "<|im_end|>"}};
  fake::Chat chat{fake::strict};
  TextModel model{&tokenizer, &chat, "<bos>", "<|im_end|>"};
  DataOptions options;
  const std::string good = line({user("Where is it"), assistant("On its way")});
};

TEST_F(Lint, CleanDataHasNoFindings) {
  options.train = {{.files = {folder.write("train.jsonl", good)}}};
  options.eval = {{.files = {folder.write("heldout.jsonl", line({user("x"), assistant("y")}))}}};
  const LintReport report = lint_data(options, model);
  EXPECT_EQ(report.errors + report.warnings, 0);
  EXPECT_FALSE(report.refuses);
  EXPECT_EQ(report.text,
            "train: 1 rows, 1 examples, 17 tokens, 4 trained, longest 17\n"
            "held out: 1 rows, 1 examples, 13 tokens, 2 trained, longest 13\n"
            "0 errors, 0 warnings\n");
}

TEST_F(Lint, EveryFaultyRowHasItsPlace) {
  options.train = {{.files = {folder.write("t.jsonl", good + "{\n" + line(Json::array({user("a")})) +
                                                          line({user("a"), assistant("")}) +
                                                          line({user("a"), user("b")}) + "{\"messages\":\"\xFF\"}\n" +
                                                          line({user("<|pad|>"), assistant("z")}) + good + "[]\n")}}};
  EXPECT_TRUE(finds(Check::kBadJson, "t.jsonl", 2));
  EXPECT_TRUE(finds(Check::kNothingToTrain, "t.jsonl", 3));
  EXPECT_TRUE(finds(Check::kEmptyReply, "t.jsonl", 4));
  EXPECT_TRUE(finds(Check::kTemplateRejects, "t.jsonl", 5));
  EXPECT_TRUE(finds(Check::kInvalidUtf8, "t.jsonl", 6));
  EXPECT_TRUE(finds(Check::kUnknownSpecial, "t.jsonl", 7));
  EXPECT_TRUE(finds(Check::kDuplicate, "t.jsonl", 8));
  EXPECT_TRUE(finds(Check::kBadRow, "t.jsonl", 9));
  const LintReport report = lint_data(options, model);
  EXPECT_EQ(report.errors, 6);
  EXPECT_EQ(report.warnings, 2);
  EXPECT_TRUE(report.refuses);
  EXPECT_NE(report.text.find("t.jsonl:8: warning: the same conversation as"), std::string::npos) << report.text;
  EXPECT_NE(report.text.find("       1 duplicate (warning)\n"), std::string::npos) << report.text;
  EXPECT_EQ(refusal(),
            (folder / "t.jsonl").string() + ":2: not valid JSON at byte 2 (and 5 more: see lorica data lint)");

  options.bad_rows = BadRows::kDrop;
  EXPECT_FALSE(lint_data(options, model).refuses);
  const LoadedData loaded = load_data(options, model);
  EXPECT_EQ(loaded.train.report.rows, 9);
  EXPECT_EQ(loaded.train.report.dropped_faulty, 6);
  EXPECT_EQ(loaded.train.examples.size(), 3u);
  EXPECT_EQ(loaded.train.examples[1].line, 7);
}

TEST_F(Lint, HeldOutRowsMustNotBeTrainedOn) {
  options.train = {{.files = {folder.write("t.jsonl", good)}}};
  options.eval = {{.files = {folder.write("h.jsonl", line({user("Where is it"), assistant("Lost")}) + good)}}};
  EXPECT_TRUE(finds(Check::kPromptInBoth, "h.jsonl", 1));
  EXPECT_TRUE(finds(Check::kInBoth, "h.jsonl", 2));
  EXPECT_NE(refusal().find("h.jsonl:2: the held-out conversation is also trained on: "), std::string::npos);
}

TEST_F(Lint, DoubledBosAndLongRows) {
  const fake::Chat doubled([](const Json& m, bool prompt) { return "<bos>" + fake::strict(m, prompt); });
  model.chat = &doubled;
  options.max_tokens = 6;
  options.train = {{.files = {folder.write("t.jsonl", good)}}};
  EXPECT_TRUE(finds(Check::kDoubledBos, "t.jsonl", 1));
  model.chat = &chat;
  EXPECT_TRUE(finds(Check::kTooLong, "t.jsonl", 1));
  EXPECT_TRUE(finds(Check::kEmptyData, "t.jsonl", 0));
  options.bad_rows = BadRows::kDrop;  // a policy for rows does not make an empty data set usable
  EXPECT_EQ(refusal(), (folder / "t.jsonl").string() + ": no example is left to use");
}

TEST_F(Lint, RowsLeftOutByTheirOwnWordAreNoErrors) {
  const std::string unwanted = Json{{"messages", {user("a"), assistant("b")}}, {"label", false}}.dump() + "\n";
  const std::string wanted = Json{{"messages", {user("c"), assistant("d")}}, {"label", true}}.dump() + "\n";
  options.train = {{.files = {folder.write("t.jsonl", unwanted + wanted)}}};
  const LoadedData loaded = load_data(options, model);
  EXPECT_EQ(loaded.train.report.rows, 2);
  EXPECT_EQ(loaded.train.report.examples, 1);
  EXPECT_EQ(loaded.train.report.left_out, 1);
  EXPECT_EQ(loaded.train.report.dropped_faulty, 0);
  EXPECT_NE(summary_text(loaded).find("1 rows left out by their own word"), std::string::npos);
}

TEST_F(Lint, ManyFindingsAreCountedAndNotAllKept) {
  std::string rows;
  for (int i = 0; i < 300; ++i) rows += "{\n";
  options.train = {{.files = {folder.write("t.jsonl", rows + good)}}};
  const LoadedData loaded = inspect_data(options, model);
  EXPECT_EQ(loaded.findings.list().size(), 200u);
  EXPECT_EQ(loaded.findings.count(Check::kBadJson), 300);
  EXPECT_NE(lint_data(options, model).text.find("300 bad-json (error), the first 200 listed"), std::string::npos);
}

TEST_F(Lint, MissingColumnsRefuseWhateverThePolicy) {
  options.bad_rows = BadRows::kDrop;
  options.train = {{.files = {folder.write("a.csv", "prompt,response\nq,r\n"), folder.write("b.csv", "q,a\nx,y\n")},
                    .format = DataFormat::kPromptResponse}};
  EXPECT_EQ(refusal(), (folder / "b.csv").string() +
                           ":1: no columns of a prompt and its response; there are: q, a; name them "
                           "with prompt_column and response_column");
}

TEST_F(Lint, OptionsThatCannotWorkAreErrors) {
  EXPECT_EQ(refusal(), "data: no file is named");
  options.train = {{.files = {folder.write("t.jsonl", good)}}};
  options.max_tokens = 1;
  EXPECT_EQ(refusal(), "max_tokens: expected at least 2, got 1");
  options.max_tokens = 100;
  model.chat = nullptr;
  options.train[0].format = DataFormat::kChat;
  EXPECT_NE(refusal().find("no chat template"), std::string::npos);
}

TEST_F(Lint, PreviewMarksWhatIsTrained) {
  options.train = {{.files = {folder.write("t.jsonl", line({user("a\x1b[2J"), assistant("b c")}) + good)}}};
  const std::string place = (folder / "t.jsonl").string() + ":1  18 tokens, 3 trained\n";
  const std::string head = "<bos><|im_start|>user\na\\x1b[2J<|im_end|>\n<|im_start|>assistant\n";
  EXPECT_EQ(preview_data(options, model, {.count = 1}),
            place + head + "⟦b c<|im_end|>⟧\n\ntrain: 2 rows, 2 examples, 35 tokens, 7 trained, longest 18\n");
  EXPECT_NE(preview_data(options, model, {.count = 1, .colour = true}).find("\x1b[32mb c<|im_end|>\x1b[0m\n"),
            std::string::npos);
}

TEST_F(Lint, APageShowsEveryTokenAndEscapesTheData) {
  options.train = {{.files = {folder.write("t<.jsonl", line({user("<b>&\"'\t x\x1b"), assistant("b\nc")}) + good)}}};
  const LoadedData loaded = inspect_data(options, model);
  const std::string page = preview_page(loaded, tokenizer, 1);
  const auto has = [&](const std::string& text) { return page.find(text) != std::string::npos; };
  EXPECT_TRUE(has("t&lt;.jsonl:1  23 tokens, 4 trained")) << page;
  EXPECT_FALSE(has("t&lt;.jsonl:2"));
  EXPECT_TRUE(has("not trained: &lt;\">&lt;</span>"));
  EXPECT_TRUE(has("not trained: &amp;\">&amp;</span>"));
  EXPECT_TRUE(has("not trained: &quot;\">&quot;</span>"));
  EXPECT_TRUE(has("not trained: &#39;\">&#39;</span>"));
  EXPECT_TRUE(has("><i>&rarr;</i></span>"));
  EXPECT_TRUE(has("><i>&middot;</i>x</span>"));
  EXPECT_TRUE(has(">\\x1b</span>"));
  EXPECT_TRUE(has("<p>Trained: tokens 18-21</p>"));
  EXPECT_TRUE(has("<span class=\"trained\" title=\"token 20, id "));
  EXPECT_TRUE(has("<span class=\"trained special\" title=\"token 21, id 2, trained: &lt;|im_end|&gt;\">"));
  EXPECT_TRUE(has("<span class=\"shown special\" title=\"token 0, id 0, not trained: &lt;bos&gt;\">"));
  for (const char* outside : {"<script", "http:", "https:", "src=", "url(", "@import"}) EXPECT_FALSE(has(outside));
  EXPECT_EQ(std::count(page.begin(), page.end(), '<'), std::count(page.begin(), page.end(), '>'));
}

/// Bytes are tokens; like real ones it shows U+FFFD for a character that is cut.
class ByteTokenizer : public fake::Tokenizer {
 public:
  ByteTokenizer() : fake::Tokenizer({}) {}
  std::vector<int32_t> encode(std::string_view text, bool) const override {
    std::vector<int32_t> ids;
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    return ids;
  }
  std::string decode(std::span<const int32_t> ids) const override {
    std::string bytes(ids.begin(), ids.end()), text;
    utf8::take_lossy(bytes, true, text);
    return text;
  }
};

TEST_F(Lint, APageShowsACharacterOfSeveralTokensWhole) {
  const ByteTokenizer bytes;
  model = {&bytes, &chat, "", "", ""};
  options.train = {{.files = {folder.write("t.jsonl", line({user("é"), assistant("x🙂\xEF\xBF\xBD")}))}}};
  const std::string page = preview_page(inspect_data(options, model), bytes, 1);
  EXPECT_TRUE(utf8::is_valid(page));
  const auto has = [&](const std::string& text) { return page.find(text) != std::string::npos; };
  EXPECT_TRUE(has("id 195, not trained; token 23, id 169, not trained: é\">é</span>")) << page;
  EXPECT_TRUE(
      has("id 240, trained; token 59, id 159, trained; token 60, id 153, trained; token 61, id 130, trained: 🙂"))
      << page;
}

TEST_F(Lint, PreviewNamesClasses) {
  ExampleSetBuilder builder;
  const std::vector<int32_t> ids = {0};
  const std::vector<uint8_t> none = {0};
  for (const int32_t label : {1, 0, 1})
    builder.append({.ids = ids, .trained = none, .file = "f", .line = 1, .label = label});
  LoadedData loaded;
  loaded.classes = {"praise", "complaint"};
  loaded.train = {builder.finish(), {.rows = 3, .examples = 3, .tokens = 3, .longest = 1}};
  EXPECT_EQ(head_of(loaded.train.examples[0], loaded.classes), "f:1  1 tokens, 0 trained, class complaint");
  EXPECT_EQ(summary_text(loaded),
            "train: 3 rows, 3 examples, 3 tokens, 0 trained, longest 1\n       1 praise\n       2 complaint\n");
}

}  // namespace
}  // namespace lorica
