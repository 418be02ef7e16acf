#include "kernels/error.h"
#include "tests/io/data_fakes.h"
#include "tests/io/data_rows.h"

namespace lorica {
namespace {

std::vector<Row> rows_in(const std::filesystem::path& path) {
  std::vector<Row> rows;
  DataSource source;
  source.slice_column = "topic";
  read_rows(path, source, [&](Row&& row) { rows.push_back(std::move(row)); });
  return rows;
}

/// Whether this build reads Parquet; one that does not must say what to do.
bool reads_parquet() {
  try {
    rows_in(TEST_DATA "/formats/chats.parquet");
    return true;
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("chats.parquet: Parquet needs a build with Apache Arrow (install libparquet-dev, then build "
                           "again), or convert it: python3 -c \"import pandas; "),
              std::string::npos)
        << message;
    return false;
  }
}

TEST(Parquet, HoldsTheSameRowsAsJsonLines) {
  if (!reads_parquet()) GTEST_SKIP() << "this build has no Apache Arrow";
  const auto rows = rows_in(TEST_DATA "/formats/chats.parquet");
  const auto wanted = rows_in(TEST_DATA "/formats/chats.jsonl");
  ASSERT_EQ(rows.size(), 7u);
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].line, static_cast<int64_t>(i) + 1);
    EXPECT_EQ(rows[i].slice, wanted.at(i).slice);
    EXPECT_EQ(*rows[i].messages, *wanted.at(i).messages);
    EXPECT_EQ((*rows[i].messages)[1]["tool_calls"][0]["function"]["arguments"]["n"], i);
  }
}

TEST(Parquet, ABrokenFileIsAFault) {
  if (!reads_parquet()) GTEST_SKIP() << "this build has no Apache Arrow";
  const fake::Folder folder;
  for (const char* bytes : {"", "PAR1", "no Parquet at all"}) {
    const auto rows = rows_in(folder.write("x.parquet", bytes));
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].notes.at(0).check, Check::kBrokenFile);
  }
  EXPECT_THROW(rows_in(folder / "none.parquet"), Error);
}

}  // namespace
}  // namespace lorica
