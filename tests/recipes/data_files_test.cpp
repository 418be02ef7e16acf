// Every data file of the shared data loads by a source of a recipe, with the rows that Python counts.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "io/data/rows.h"
#include "recipes/setup.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;

struct Line {
  std::string source;
  int64_t rows = 0, left_out = 0, faulty = 0;
};

std::vector<Line> table(const fs::path& data) {
  std::ifstream file(TEST_DATA "/formats/shared_files.tsv");
  std::vector<Line> lines;
  for (std::string text; std::getline(file, text);) {
    if (text.starts_with('#')) continue;
    std::istringstream fields(text);
    Line line;
    std::getline(fields, line.source, '\t');
    fields >> line.rows >> line.left_out >> line.faulty;
    line.source.replace(line.source.find('@'), 1, data.string());
    lines.push_back(line);
  }
  return lines;
}

TEST(SharedData, EveryFileLoads) {
  const char* named = std::getenv("LORICA_SHARED");
  const fs::path data = fs::weakly_canonical((named ? fs::path(named) : fs::path(SOURCE_ROOT "/../shared")) / "data");
  if (!fs::exists(data)) GTEST_SKIP() << "no folder " << data;
  const auto lines = table(data);
  ASSERT_GT(lines.size(), 100u);
  for (const Line& line : lines) {
    const bool classifies = line.source.find("format: classification") != std::string::npos;
    const Recipe recipe =
        parse_recipe(std::string("model: {path: m") + (classifies ? ", task: seq_cls" : "") + "}\ndata: {train: [" +
                         line.source + "]}\ntrain: {max_steps: 1}\noutput: {dir: o}\n",
                     line.source);
    int64_t rows = 0, left_out = 0, faulty = 0;
    std::string last_fault;
    for (const DataSource& source : data_options(recipe).train) {
      for (const fs::path& file : source.files) {
        read_rows(file, source, [&](Row&& row) {
          const auto error = std::find_if(row.notes.begin(), row.notes.end(),
                                          [](const Note& note) { return severity_of(note.check) == Severity::kError; });
          const bool bad = error != row.notes.end();
          if (bad) last_fault = file.string() + ":" + std::to_string(row.line) + ": " + error->message;
          (bad ? faulty : row.messages || row.is_text ? rows : left_out) += 1;
        });
      }
    }
    EXPECT_EQ(rows, line.rows) << line.source;
    EXPECT_EQ(left_out, line.left_out) << line.source;
    EXPECT_EQ(faulty, line.faulty) << line.source << ": " << last_fault;
  }
}

}  // namespace
}  // namespace lorica
