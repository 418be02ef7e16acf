#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "io/data/csv.h"
#include "io/data/rows.h"
#include "kernels/error.h"
#include "tests/io/data_fakes.h"
#include "tests/io/data_rows.h"

namespace lorica {
namespace {

using Fields = std::vector<std::string>;

std::vector<CsvRecord> records_of(std::string_view bytes, size_t largest = kLargestRow) {
  ByteReader stream(memory_source(bytes));
  CsvReader reader(stream, ',', largest);
  std::vector<CsvRecord> records;
  while (auto record = reader.next()) records.push_back(*record);
  return records;
}

TEST(Csv, ReadsTheExamplesOfRfc4180) {
  const auto records = records_of("aaa,bbb,ccc\r\n\"a,aa\",\"b\r\nbb\",\"c\"\"cc\"\r\nzzz,,\r\n");
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].fields, (Fields{"aaa", "bbb", "ccc"}));
  EXPECT_EQ(records[1].fields, (Fields{"a,aa", "b\r\nbb", "c\"cc"}));
  EXPECT_EQ(records[2].fields, (Fields{"zzz", "", ""}));
  EXPECT_EQ(records[0].line, 1);
  EXPECT_EQ(records[1].line, 2);
  EXPECT_EQ(records[2].line, 4);
}

TEST(Csv, ToleratesByteOrderMarkBlankLinesAndNoLastLineEnd) {
  const auto records = records_of("\xEF\xBB\xBF\"a\",b\n\n\r\n1,\"\"");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].fields, (Fields{"a", "b"}));
  EXPECT_EQ(records[1].fields, (Fields{"1", ""}));
  EXPECT_EQ(records[1].line, 4);
  EXPECT_EQ(records_of("a,").at(0).fields, (Fields{"a", ""}));
  EXPECT_TRUE(records_of("").empty());
  EXPECT_TRUE(records_of("\n\r\n").empty());
}

TEST(Csv, KeepsQuotesAndCarriageReturnsInsidePlainFields) {
  EXPECT_EQ(records_of("5\" pipe,a\rb\n").at(0).fields, (Fields{"5\" pipe", "a\rb"}));
}

TEST(Csv, ReportsFaultsAndGoesOn) {
  const auto records = records_of("\"a\"b,c\nd,e\n\"open,\nf\n");
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].fault, CsvRecord::Fault::kTextAfterQuote);
  EXPECT_EQ(records[1].fault, CsvRecord::Fault::kNone);
  EXPECT_EQ(records[1].fields, (Fields{"d", "e"}));
  EXPECT_EQ(records[2].fault, CsvRecord::Fault::kUnterminatedQuote);
  EXPECT_EQ(records[2].line, 3);
}

TEST(Rows, ReadsChatsWithTheirLines) {
  DataSource source;
  source.messages_column = "turns";
  source.slice_column = "topic";
  const auto rows = rows_of(
      "\xEF\xBB\xBF{\"turns\":[{\"role\":\"user\",\"content\":\"a\"}],\"topic\":\"x\"}\r\n\n  \n"
      "{\"topic\":7,\"turns\":[{\"role\":\"assistant\",\"content\":\"b\\n\"}]}",
      DataFileKind::kJsonLines, source);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].line, 1);
  EXPECT_EQ(rows[0].slice, "x");
  EXPECT_EQ(*rows[0].messages, fake::Json::array({fake::user("a")}));
  EXPECT_EQ(rows[1].line, 4);
  EXPECT_EQ(rows[1].slice, "7");
  EXPECT_EQ(*rows[1].messages, fake::Json::array({fake::assistant("b\n")}));
}

TEST(Rows, PutsTheSystemPromptBeforeChatsWithoutOne) {
  DataSource source;
  source.system_prompt = "Be kind.";
  const auto rows = rows_of(
      "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}\n"
      "{\"messages\":[{\"role\":\"system\",\"content\":\"own\"}]}\n",
      DataFileKind::kJsonLines, source);
  EXPECT_EQ(*rows.at(0).messages, fake::Json::array({fake::system("Be kind."), fake::user("a")}));
  EXPECT_EQ(*rows.at(1).messages, fake::Json::array({fake::system("own")}));
}

TEST(Rows, ReadsPromptAndResponseFromCsvAndJson) {
  DataSource source;
  source.format = DataFormat::kPromptResponse;
  source.prompt_column = "q";
  source.response_column = "r";
  source.slice_column = "s";
  const auto wanted = fake::Json::array({fake::user("a,\nb"), fake::assistant("c")});
  const auto csv = rows_of("x,r,s,q\n1,c,left,\"a,\nb\"\n2,c,right,d\n", DataFileKind::kCsv, source);
  ASSERT_EQ(csv.size(), 2u);
  EXPECT_EQ(*csv[0].messages, wanted);
  EXPECT_EQ(csv[0].slice, "left");
  EXPECT_EQ(csv[0].line, 2);
  EXPECT_EQ(csv[1].line, 4);
  const auto json = rows_of("{\"q\":\"a,\\nb\",\"r\":\"c\",\"s\":true}", DataFileKind::kJsonLines, source);
  EXPECT_EQ(*json.at(0).messages, wanted);
  EXPECT_EQ(json.at(0).slice, "true");
}

TEST(Rows, NamesEveryFaultOfAJsonRow) {
  const std::vector<FaultCase> cases = {
      {"", Check::kEmptyFile, "no rows"},
      {"\n \n", Check::kEmptyFile, "no rows"},
      {"\xEF\xBB\xBF", Check::kEmptyFile, "no rows"},
      {"{\"messages\": [}", Check::kBadJson, "byte 15"},
      {"{\"messages\": 1e999}", Check::kBadJson, "not valid JSON"},
      {std::string(100, '['), Check::kBadJson, "deeper than 64"},
      {"1", Check::kBadRow, "expected an object, a list or a text, got number"},
      {std::string("{\"messages\":[]}\0", 16), Check::kBadRow, "a NUL byte at offset 15 of the row"},
      {"{\"conversations\":[],\"id\":3}", Check::kBadRow, "no key 'messages'; the row has: conversations, id"},
      {"{\"messages\":\"hi\"}", Check::kBadRow, "expected a list of messages, got string"},
      {"{\"messages\":[]}", Check::kNothingToTrain, "messages is empty"},
      {"{\"messages\":[3]}", Check::kBadRow, "message 1: expected an object, got number"},
      {"{\"messages\":[{\"from\":\"human\",\"value\":\"x\"}]}", Check::kBadRow, "no key 'role'; it has: from, value"},
      {"{\"messages\":[{\"role\":1,\"content\":\"x\"}]}", Check::kBadRow, "role: expected a text, got number"},
      {"{\"messages\":[{\"role\":\"user\",\"content\":null}]}", Check::kBadRow, "content: expected a text, got null"},
      {"{\"messages\":[{\"role\":\"assistant\",\"content\":\" \\n\"}]}", Check::kEmptyReply, "message 1: the reply is"},
      {"{\"messages\":[{\"role\":\"bot\",\"content\":\"x\"}]}", Check::kUnknownRole, "role 'bot'"},
      {"{\"messages\":\"\xFF\"}", Check::kInvalidUtf8, "byte 0xff at offset 13"},
  };
  for (const auto& [bytes, check, says] : cases) {
    DataSource source;
    source.format = DataFormat::kChat;
    source.messages_column = "messages";
    const Note note = only_note(bytes, DataFileKind::kJsonLines, source);
    EXPECT_EQ(note.check, check) << bytes;
    EXPECT_NE(note.message.find(says), std::string::npos) << note.message;
  }
}

TEST(Rows, NamesEveryFaultOfACsvFile) {
  DataSource source;
  source.prompt_column = "prompt";
  source.response_column = "response";
  const std::vector<FaultCase> cases = {
      {"", Check::kEmptyFile, "no rows"},
      {"prompt,response\n", Check::kEmptyFile, "a header and no rows"},
      {"instruction,response\na,b\n", Check::kMissingColumn, "no column 'prompt'; the file has: instruction, response"},
      {"prompt,response\na,b,c\n", Check::kFieldCount, "expected 2 fields, got 3"},
      {"prompt,response\na,\"b\n", Check::kUnterminatedQuote, "never closed"},
      {"prompt,response\na,\"b\"c\n", Check::kBadRow, "text after a closing quote"},
      {"prompt,response\na,b\xC3\n", Check::kInvalidUtf8, "byte 0xc3 at offset 3"},
      {"prompt,response\na,\n", Check::kEmptyReply, "message 2: the reply is empty"},
  };
  for (const auto& [bytes, check, says] : cases) {
    const Note note = only_note(bytes, DataFileKind::kCsv, source);
    EXPECT_EQ(note.check, check) << bytes;
    EXPECT_NE(note.message.find(says), std::string::npos) << note.message;
  }
}

TEST(Rows, ToolCallsMayHaveNoContent) {
  const auto rows = rows_of(
      R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}]})",
      DataFileKind::kJsonLines, {});
  EXPECT_TRUE(rows.at(0).notes.empty());
  EXPECT_NE(rows.at(0).messages, nullptr);
}

TEST(Rows, RefusesFilesItCannotRead) {
  const fake::Folder folder;
  const RowSink ignore = [](Row&&) {};
  EXPECT_THROW(read_rows(folder.write("a.xls", "x"), {}, ignore), Error);
  EXPECT_THROW(read_rows(folder / "missing.jsonl", {}, ignore), Error);
  int rows = 0;
  read_rows(folder.write("empty.jsonl", ""), {}, [&](Row&& row) {
    ++rows;
    EXPECT_EQ(row.notes.at(0).check, Check::kEmptyFile);
  });
  EXPECT_EQ(rows, 1);
}

}  // namespace
}  // namespace lorica
