#pragma once
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/rows.h"

namespace lorica {

inline std::vector<Row> rows_of(std::string_view bytes, DataFileKind kind, const DataSource& source = {},
                                size_t largest_row = kLargestRow) {
  std::vector<Row> rows;
  read_rows(
      bytes, "f", kind, source, [&](Row&& row) { rows.push_back(std::move(row)); }, largest_row);
  return rows;
}

/// The note of bytes that give one row with one note.
inline Note only_note(std::string_view bytes, DataFileKind kind, const DataSource& source = {},
                      size_t largest_row = kLargestRow) {
  const auto rows = rows_of(bytes, kind, source, largest_row);
  EXPECT_EQ(rows.size(), 1u) << bytes.substr(0, 200);
  EXPECT_EQ(rows.at(0).notes.size(), 1u) << bytes.substr(0, 200);
  return rows.at(0).notes.at(0);
}

struct FaultCase {
  std::string bytes;
  Check check;
  std::string says;
};

}  // namespace lorica
