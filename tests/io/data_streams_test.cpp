#include <sys/resource.h>
#include <zlib.h>
#include <zstd.h>

#include <fstream>

#include "io/data/source_files.h"
#include "kernels/error.h"
#include "tests/io/data_fakes.h"
#include "tests/io/data_rows.h"

namespace lorica {
namespace {

using fake::Json;

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd(const std::string& bytes) {
  std::string packed(ZSTD_compressBound(bytes.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), 3));
  return packed;
}

std::string numbered(int first, int last) {
  std::string lines;
  for (int i = first; i <= last; ++i) {
    lines += "{\"prompt\":\"" + std::to_string(i * 7919) + "\",\"response\":\"" + std::to_string(i) + "\"}\n";
  }
  return lines;
}

TEST(Packed, ReadsAsThePlainFile) {
  const std::string first = numbered(1, 20000), second = numbered(20001, 30000);  // several buffers
  const auto plain = rows_of(first + second, DataFileKind::kJsonLines);
  ASSERT_EQ(plain.size(), 30000u);
  for (const std::string& packed : {gzip(first) + gzip(second), zstd(first) + zstd(second), gzip(first + second)}) {
    const auto rows = rows_of(packed, DataFileKind::kJsonLines);
    ASSERT_EQ(rows.size(), plain.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      ASSERT_EQ(rows[i].line, plain[i].line);
      ASSERT_EQ(*rows[i].messages, *plain[i].messages);
    }
  }
}

TEST(Packed, TellsWhereABrokenArchiveEnds) {
  const std::string bytes = numbered(1, 20000);
  const std::string gz = gzip(bytes), zst = zstd(bytes);
  std::string flipped = gz;
  flipped[gz.size() - 6] ^= 1;  // in the checksum
  const std::vector<FaultCase> cases = {
      {gz.substr(0, gz.size() / 2), Check::kBrokenFile, "the gzip archive ends early"},
      {gz.substr(0, gz.size() - 3), Check::kBrokenFile, "the gzip archive ends early"},
      {gz + "more", Check::kBrokenFile, "followed by bytes that are none"},
      {flipped, Check::kBrokenFile, "the gzip archive is broken"},
      {zst.substr(0, zst.size() / 2), Check::kBrokenFile, "the zstd archive ends early"},
      {zst + "more", Check::kBrokenFile, "the zstd archive is broken"},
  };
  for (const auto& [packed, check, says] : cases) {
    const auto rows = rows_of(packed, DataFileKind::kJsonLines);
    ASSERT_GT(rows.size(), 1u) << says;
    EXPECT_EQ(rows.back().line, static_cast<int64_t>(rows.size())) << says;
    EXPECT_EQ(rows.back().notes.at(0).check, check);
    EXPECT_NE(rows.back().notes.at(0).message.find(says), std::string::npos) << rows.back().notes.at(0).message;
  }
}

TEST(JsonLists, AreReadElementByElement) {
  const auto rows = rows_of("\n [ {\"text\":\"a ] , \\\" [\"},\n\n{\"text\":\n\"b\"} ,\"c\"\n]\n", DataFileKind::kJson);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].text, "a ] , \" [");
  EXPECT_EQ(rows[0].line, 2);
  EXPECT_EQ(rows[1].line, 4);
  EXPECT_EQ(rows[2].text, "c");
  EXPECT_EQ(rows[2].line, 5);
  EXPECT_EQ(rows_of(numbered(1, 3), DataFileKind::kJson).size(), 3u);
}

TEST(JsonLists, MayStandUnderAField) {
  DataSource source;
  source.field = "train";
  const auto rows = rows_of("{\"test\":[[1]],\n\"note\":\"train\",\"train\":\n[[\"a\"],\n[\"b\"]],\"x\":1}",
                            DataFileKind::kJson, source);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].notes.at(0).message.substr(0, 44), "the columns do not tell what they hold: 0; n");
  source.text_column = "0";
  const auto named = rows_of("{\"train\":\n[[\"a\"],\n[\"b\"]]}", DataFileKind::kJson, source);
  EXPECT_EQ(named.at(1).text, "b");
  EXPECT_EQ(named.at(1).line, 3);
  EXPECT_EQ(only_note("{\"a\":[], \"b\":{}}", DataFileKind::kJson, source).message,
            "field: no key 'train' in the file's object; it has: a, b");
  EXPECT_EQ(only_note("{\"train\":3}", DataFileKind::kJson, source).message, "field: 'train' is not a list of rows");
  EXPECT_EQ(only_note("[]", DataFileKind::kJson, source).message, "expected '{', got '['");
}

TEST(JsonLists, NameWhatIsWrong) {
  const auto last = [](const std::string& bytes) {
    const Row row = rows_of(bytes, DataFileKind::kJson).back();
    return std::to_string(row.line) + ": " + row.notes.at(0).message;
  };
  EXPECT_EQ(last("[{\"text\":\"a\"},\n{\"text\":}]"), "2: element 2: not valid JSON at byte 9");
  EXPECT_EQ(last("[{\"text\":\"a\"}\n{\"text\":\"b\"}]"), "2: expected ',' or ']' after element 1, got '{'");
  EXPECT_EQ(last("[{\"text\":\"a\"},\n{\"text\":"), "2: the file ends inside a JSON value");
  EXPECT_EQ(last("[{\"text\":\"a\"}\n"), "2: expected ',' or ']' after element 1, got the end of the file");
  EXPECT_EQ(last("[{\"text\":\"a\"}]\n]"), "2: ']' after the end of the list");
  EXPECT_EQ(last("[{\"text\":\"a\"},]"), "1: element 2: not valid JSON at byte 1");
  EXPECT_EQ(last("[]"), "0: the file holds no rows");
  EXPECT_EQ(last("{\n  \"text\": \"a\"\n}\n").substr(0, 34), "1: a JSON value over several lines");
  EXPECT_EQ(last("[" + std::string(70, '[') + std::string(70, ']') + "]"),
            "1: element 1: JSON nested deeper than 64 levels");
}

TEST(PlainText, IsCutAsAsked) {
  const std::string text = "a\r\nb\n \n\nc\n";
  DataSource source;
  const auto whole = rows_of(text, DataFileKind::kText, source);
  ASSERT_EQ(whole.size(), 1u);
  EXPECT_EQ(whole[0].text, "a\nb\n \n\nc\n");
  source.sample_by = SampleBy::kParagraph;
  const auto paragraphs = rows_of(text, DataFileKind::kText, source);
  ASSERT_EQ(paragraphs.size(), 2u);
  EXPECT_EQ(paragraphs[0].text, "a\nb");
  EXPECT_EQ(paragraphs[1].text, "c");
  EXPECT_EQ(paragraphs[1].line, 5);
  source.sample_by = SampleBy::kLine;
  const auto lines = rows_of(text, DataFileKind::kText, source);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[1].text, "b");
  EXPECT_EQ(lines[2].line, 5);
  EXPECT_EQ(only_note(std::string("a\0b", 3), DataFileKind::kText).message, "a NUL byte at offset 1 of the row");
  EXPECT_EQ(only_note(" \n", DataFileKind::kText).check, Check::kEmptyFile);
}

TEST(Conll, BlocksAreRowsOfTheirComments) {
  const auto rows =
      rows_of("# text = a = b\n# slots: 1:2:x\n1\ta\tO\n\n\n# text = c\n1\tc\tO\n\n1\td\n", DataFileKind::kConll);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].text, "a = b");
  EXPECT_EQ(rows[1].line, 6);
  EXPECT_EQ(rows[2].notes.at(0).message, "no comment of the form '# key = value' in this block");
}

TEST(TooLarge, IsAFaultOfTheRowAlone) {
  const std::string big(100, 'x');
  const auto fine = [](const Row& row) { return row.notes.empty(); };
  struct Case {
    DataFileKind kind;
    std::string bytes;
    int64_t line;
  };
  for (const auto& [kind, bytes, line] : std::vector<Case>{
           {DataFileKind::kJsonLines, "{\"text\":\"a\"}\n{\"text\":\"" + big + "\"}\n{\"text\":\"b\"}\n", 2},
           {DataFileKind::kJson, "[{\"text\":\"a\"},\n{\"text\":\"" + big + "\"},\n{\"text\":\"b\"}]", 2},
           {DataFileKind::kCsv, "text\na\n\"" + big + "\n\",,,,\nb\n", 3},
           {DataFileKind::kConll, "# text = a\n\n# text = " + big + "\n\n# text = b\n", 3}}) {
    const auto rows = rows_of(bytes, kind, {}, 50);
    ASSERT_EQ(rows.size(), 3u) << bytes;
    EXPECT_TRUE(fine(rows[0]) && fine(rows[2])) << bytes;
    EXPECT_EQ(rows[1].notes.at(0).check, Check::kTooLarge) << rows[1].notes.at(0).message;
    EXPECT_EQ(rows[1].line, line);
  }
  EXPECT_EQ(only_note("a\n" + big, DataFileKind::kText, {}, 50).message,
            "a row of more than 50 bytes; sample_by: paragraph or line makes rows of its parts");
}

TEST(TooLarge, ALineOf200MegabytesIsNotHeld) {
  const fake::Folder folder;
  const std::string megabyte(1 << 20, 'x');
  {
    std::ofstream file(folder / "large.jsonl");
    file << "{\"text\":\"";
    for (int i = 0; i < 200; ++i) file << megabyte;
    file << "\"}\n{\"text\":\"b\"}\n";
  }
  std::vector<Row> rows;
  read_rows(folder / "large.jsonl", {}, [&](Row&& row) { rows.push_back(std::move(row)); });
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].notes.at(0).message, "a row of more than 67108864 bytes");
  EXPECT_EQ(rows[1].text, "b");
#ifndef __SANITIZE_ADDRESS__  // which holds what was freed
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  EXPECT_LT(usage.ru_maxrss, 190 * 1024);  // KB
#endif
}

TEST(Kinds, AreToldByEndings) {
  EXPECT_EQ(data_file_kind("a.b/x.jsonl.gz"), DataFileKind::kJsonLines);
  EXPECT_EQ(data_file_kind("x.json.zst"), DataFileKind::kJson);
  EXPECT_EQ(data_file_kind("x.md"), DataFileKind::kText);
  EXPECT_EQ(data_file_kind("x.tsv"), DataFileKind::kTsv);
  EXPECT_THROW(data_file_kind("x.gz"), Error);
  EXPECT_THROW(data_file_kind("x"), Error);
}

TEST(SourceFiles, AreSorted) {
  const fake::Folder folder;
  std::filesystem::create_directories(folder / "d/e");
  for (const char* name : {"d/b.jsonl", "d/a.jsonl", "d/e/c.txt", "d/notes.doc", "d/.hidden.jsonl"})
    folder.write(name, "x");
  const auto names = [&](const std::string& path) {
    std::string text;
    for (const auto& file : source_files((folder / path).string(), "data.train")) {
      text += std::filesystem::relative(file, folder / "d").string() + " ";
    }
    return text;
  };
  EXPECT_EQ(names("d"), "a.jsonl b.jsonl e/c.txt ");
  EXPECT_EQ(names("d/*.jsonl"), "a.jsonl b.jsonl ");
  EXPECT_EQ(names("d/missing.jsonl"), "missing.jsonl ");
  folder.write("d/[x].txt", "x");
  EXPECT_EQ(names("d/[x].txt"), "[x].txt ");
  EXPECT_THROW(names("d/*.csv"), Error);
  std::filesystem::create_directories(folder / "empty");
  EXPECT_THROW(names("empty"), Error);
}

}  // namespace
}  // namespace lorica
