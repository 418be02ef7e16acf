#include <fstream>

#include "kernels/error.h"
#include "tests/io/data_fakes.h"
#include "tests/io/data_rows.h"

namespace lorica {
namespace {

using fake::assistant;
using fake::Json;
using fake::system;
using fake::user;

Json shown(Json message) {
  message["train"] = false;
  return message;
}

/// The messages of a single JSON row, which may stand on several lines.
Json messages_of(const std::string& line, const DataSource& source = {}) {
  const auto rows = rows_of("[" + line + "]", DataFileKind::kJson, source);
  if (rows.size() != 1 || !rows[0].messages) {
    ADD_FAILURE() << line << ": " << (rows.empty() || rows[0].notes.empty() ? "" : rows[0].notes[0].message);
    return nullptr;
  }
  return *rows[0].messages;
}

TEST(Formats, ExcerptsOfPublishedDataAgreeWithASecondReading) {
  const std::filesystem::path folder = TEST_DATA "/formats";
  const Json expected = Json::parse(std::ifstream(folder / "expected.json"));
  ASSERT_EQ(expected.size(), 5u);
  for (const auto& [name, wanted] : expected.items()) {
    std::vector<Row> rows;
    read_rows(folder / name, {}, [&](Row&& row) { rows.push_back(std::move(row)); });
    ASSERT_EQ(rows.size(), wanted.size()) << name;
    for (size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(rows[i].line, wanted[i]["line"]) << name;
      EXPECT_EQ(rows[i].messages ? *rows[i].messages : Json(), wanted[i].value("messages", Json())) << name;
      EXPECT_EQ(rows[i].tools ? *rows[i].tools : Json(), wanted[i].value("tools", Json())) << name;
      EXPECT_EQ(rows[i].notes.size(), rows[i].messages ? 0u : 1u) << name;
      if (!rows[i].messages) {
        EXPECT_EQ(rows[i].notes.at(0).check, Check::kLeftOut);
      }
    }
  }
}

TEST(Formats, ChatsOfOpenAi) {
  EXPECT_EQ(
      messages_of(R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","value":"b"}]},
                            {"role":"assistant","content":"c","weight":0},{"role":"user","content":"d","name":null},
                            {"role":"assistant","content":"e","weight":1}]})"
                  "\n"),
      Json::array({user("ab"), shown(assistant("c")), user("d"), assistant("e")}));
  const Json calls = messages_of(
      R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"a\": [1]}"}}]},{"role":"tool","tool_call_id":"1","content":"2"},{"role":"assistant","content":"y","tool_calls":null}]})");
  EXPECT_EQ(calls[1], Json::parse(R"({"role":"assistant","tool_calls":[{"id":"1","type":"function","function":
                                      {"name":"f","arguments":{"a":[1]}}}],"content":""})"));
  EXPECT_EQ(calls[2], Json::parse(R"({"role":"tool","tool_call_id":"1","content":"2"})"));
  EXPECT_EQ(calls[3], assistant("y"));
}

TEST(Formats, ToolsAreAListOrItsText) {
  const std::string messages = R"("messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}])";
  const Json wrapped = Json::parse(R"([{"type":"function","function":{"name":"f","parameters":{}}}])");
  for (const char* tools : {R"([{"name":"f","parameters":{}}])", R"("[{\"name\":\"f\",\"parameters\":{}}]")",
                            R"([{"type":"function","function":{"name":"f","parameters":{}}}])"}) {
    const auto rows = rows_of("{" + messages + ",\"tools\":" + tools + "}", DataFileKind::kJsonLines);
    ASSERT_TRUE(rows.at(0).tools) << tools;
    EXPECT_EQ(*rows[0].tools, wrapped) << tools;
  }
  for (const char* none : {"null", "[]", "\"\"", "\"[]\""}) {
    EXPECT_EQ(rows_of("{" + messages + ",\"tools\":" + none + "}", DataFileKind::kJsonLines).at(0).tools, nullptr);
  }
}

TEST(Formats, TheRowsOwnSystemMessageGoesFirst) {
  DataSource source;
  source.system_prompt = "general";
  EXPECT_EQ(messages_of(R"({"prompt":"a","response":"b","system":"own"})", source),
            Json::array({system("own"), user("a"), assistant("b")}));
  EXPECT_EQ(messages_of(R"({"prompt":"a","response":"b","system":null})", source),
            Json::array({system("general"), user("a"), assistant("b")}));
  source.system_column = "who";
  EXPECT_EQ(messages_of(R"({"prompt":"a","response":"b","who":"named"})", source),
            Json::array({system("named"), user("a"), assistant("b")}));
}

TEST(Formats, ShareGptOfSeveralCalls) {
  EXPECT_EQ(messages_of(R"({"conversations":[{"from":"user","value":"q"},
      {"from":"function_call","value":"[{\"name\":\"f\",\"arguments\":\"{}\"},{\"name\":\"g\",\"arguments\":{\"n\":1}}]"},
      {"from":"tool","value":"r"},{"from":"chatgpt","value":"s","weight":0}],"system":"sys"})"),
            Json::parse(R"([{"role":"system","content":"sys"},{"role":"user","content":"q"},
      {"role":"assistant","content":"","tool_calls":[{"type":"function","function":{"name":"f","arguments":{}}},
      {"type":"function","function":{"name":"g","arguments":{"n":1}}}]},
      {"role":"tool","content":"r"},{"role":"assistant","content":"s","train":false}])"));
}

TEST(Formats, AlpacaWithHistory) {
  EXPECT_EQ(messages_of(R"({"instruction":"i","input":"n","output":"o","history":[["a","b"]],"system":"s"})"),
            Json::array({system("s"), user("a"), assistant("b"), user("i\nn"), assistant("o")}));
  EXPECT_EQ(messages_of(R"({"instruction":"i","input":"","output":"o"})"), Json::array({user("i"), assistant("o")}));
}

TEST(Formats, PromptsAndResponsesByUsualColumns) {
  const Json wanted = Json::array({user("a"), assistant("b")});
  for (const auto& [prompt, response] : std::vector<std::pair<std::string, std::string>>{
           {"prompt", "completion"}, {"question", "answer"}, {"query", "response"}, {"instruction", "response"}}) {
    EXPECT_EQ(messages_of(R"({"id":1,")" + prompt + R"(":"a",")" + response + R"(":"b"})"), wanted);
  }
  EXPECT_EQ(messages_of(R"({"prompt":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},
                            {"role":"user","content":"c"}],"completion":[{"role":"assistant","content":"d"}]})"),
            Json::array({user("a"), shown(assistant("b")), user("c"), assistant("d")}));
  DataSource source;
  source.response_column = "b";
  EXPECT_EQ(messages_of(R"({"question":"a","b":"b"})", source), wanted);
}

TEST(Formats, TemplatesPutColumnsIn) {
  DataSource source;
  source.prompt_template = "{{{a}}} of {b}, {c}{d}";
  source.response_template = "{a}";
  EXPECT_EQ(messages_of(R"({"a":"x","b":2.5,"c":null,"d":["y"]})", source),
            Json::array({user("{x} of 2.5, [\"y\"]"), assistant("x")}));
  EXPECT_NE(only_note(R"({"a":"x"})", DataFileKind::kJsonLines, source)
                .message.find("prompt_template: no column 'b'; the row has: a"),
            std::string::npos);
  EXPECT_EQ(only_note("a,z\n1,2\n", DataFileKind::kCsv, source).check, Check::kMissingColumn);
  for (const char* wrong : {"{", "a}", "{}", "{a{b}", "{a"}) {
    source.prompt_template = wrong;
    EXPECT_THROW(rows_of("", DataFileKind::kCsv, source), Error) << wrong;
  }
}

TEST(Formats, PreferencesTrainTheChosenReply) {
  const Json wanted = Json::array({user("a"), assistant("b")});
  EXPECT_EQ(messages_of(R"({"prompt":"a","chosen":"b","rejected":"c"})"), wanted);
  EXPECT_EQ(messages_of(R"({"prompt":[{"role":"user","content":"a"}],"chosen":[{"role":"assistant","content":"b"}],
                            "rejected":[]})"),
            wanted);
  EXPECT_EQ(messages_of(R"({"prompt":"a","chosen":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],
                            "rejected":[]})"),
            wanted);
  EXPECT_EQ(messages_of(R"({"chosen":"\n\nHuman: a\n\nAssistant: b\n\nHuman: c\nd\n\nAssistant: e","rejected":"x"})"),
            Json::array({user("a"), shown(assistant("b")), user("c\nd"), assistant("e")}));
  EXPECT_EQ(messages_of(R"({"prompt":"a","completion":"b","label":true})"), wanted);
  const auto rows = rows_of(R"({"prompt":"a","completion":"b","label":false})", DataFileKind::kJsonLines);
  EXPECT_EQ(rows.at(0).messages, nullptr);
  EXPECT_EQ(rows.at(0).notes.at(0).check, Check::kLeftOut);
}

TEST(Formats, TextsAndClasses) {
  const auto rows = rows_of("{\"text\":\"a\\nb\",\"label\":3}\n\"c\"\n", DataFileKind::kJsonLines);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_TRUE(rows[0].is_text && rows[1].is_text);
  EXPECT_EQ(rows[0].text, "a\nb");
  EXPECT_EQ(rows[0].label, "");
  EXPECT_EQ(rows[1].text, "c");
  DataSource source;
  source.format = DataFormat::kClassification;
  const auto classes = rows_of("{\"text\":\"a\",\"label\":3}\n", DataFileKind::kJsonLines, source);
  EXPECT_EQ(classes.at(0).text, "a");
  EXPECT_EQ(classes.at(0).label, "3");
  const auto pairs = rows_of("text\tlabel\na\tgood\n", DataFileKind::kTsv, source);
  EXPECT_EQ(pairs.at(0).label, "good");
  source.text_column = "0";
  source.label_column = "1";
  EXPECT_EQ(rows_of(R"([["a","x"]])", DataFileKind::kJson, source).at(0).label, "x");
}

TEST(Formats, TheFirstRowOfAFileSettlesItsFormat) {
  const auto rows = rows_of("{\"prompt\":\"a\",\"response\":\"b\"}\n{\"question\":\"a\",\"answer\":\"b\"}\n",
                            DataFileKind::kJsonLines);
  EXPECT_TRUE(rows.at(0).messages);
  EXPECT_EQ(rows.at(1).notes.at(0).message, "no key 'prompt'; the row has: question, answer");
  EXPECT_EQ(rows.at(1).line, 2);
}

TEST(Formats, NamesEveryFaultOfARow) {
  const std::string start = R"({"messages":[{"role":"assistant",)";
  const std::vector<FaultCase> cases = {
      {R"({"a":1,"b":2})", Check::kBadRow, "the columns do not tell what they hold: a, b; name them"},
      {start + R"("content":[{"type":"image_url","image_url":"u"}]}]})", Check::kBadRow,
       "a part of type \"image_url\""},
      {start + R"("content":[{"type":"text"}]}]})", Check::kBadRow, "a part of content has no text"},
      {start + R"("content":["a"]}]})", Check::kBadRow, "a part of type string"},
      {start + R"("content":"a","weight":0.5}]})", Check::kBadRow, "message 1: weight: expected 0 or 1, got 0.5"},
      {R"({"messages":[{"role":"user","content":"a","weight":1}]})", Check::kBadRow, "only replies are"},
      {start + R"("tool_calls":{}}]})", Check::kBadRow, "tool_calls: expected a list"},
      {R"({"messages":[{"role":"user","content":"a"}],"tools":3})", Check::kBadRow, "tools: expected a list of tools"},
      {R"({"conversations":[{"from":"me","value":"a"}]})", Check::kBadRow, "from: 'me' is not a speaker"},
      {R"({"conversations":[{"from":"gpt"}]})", Check::kBadRow, "message 1: no key 'value'"},
      {R"({"conversations":[{"from":"function_call","value":"f("}]})", Check::kBadRow, "a function_call that is not"},
      {R"({"conversations":[{"from":"function_call","value":"{}"}]})", Check::kBadRow, "without a name"},
      {R"({"instruction":"a","output":3})", Check::kBadRow, "output: expected a text, got number"},
      {R"({"instruction":"a","output":"b","history":["c"]})", Check::kBadRow, "history: expected pairs"},
      {R"({"prompt":"a","response":"  "})", Check::kEmptyReply, "message 2: the reply is empty"},
      {R"({"prompt":"a","chosen":[],"rejected":[]})", Check::kNothingToTrain, "chosen is empty"},
      {R"({"chosen":"\n\nAssistant:","rejected":"b"})", Check::kBadRow, "no key 'prompt'"},
      {R"({"text":" \n"})", Check::kNothingToTrain, "text is empty"},
      {R"({"text":null})", Check::kBadRow, "text: expected a text, got null"},
  };
  for (const auto& [bytes, check, says] : cases) {
    const Note note = only_note(bytes, DataFileKind::kJsonLines);
    EXPECT_EQ(note.check, check) << bytes;
    EXPECT_NE(note.message.find(says), std::string::npos) << note.message;
  }
}

}  // namespace
}  // namespace lorica
