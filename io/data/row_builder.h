#pragma once
#include <functional>
#include <string>
#include <vector>

#include "io/data/row_parts.h"

namespace lorica {

/// Makes rows of the records of one file: settles the format by the first, then fills each.
class RowBuilder {
 public:
  /// All three must outlive the builder.
  RowBuilder(const std::string& file, const DataSource& source, const RowSink& sink);

  /// Every record that follows has these columns, which stand in line `line`. Where a needed one is missing, that is
  /// the only thing that the sink is told.
  void set_columns(int64_t line, std::vector<std::string> names);
  /// Hands on the row of the record that `make` returns, or the fault that it throws.
  void add(int64_t line, const std::function<Json()>& make);
  void fault(int64_t line, Note note);

  const DataSource& source() const { return source_; }
  bool any() const { return any_; }          ///< whether the sink was told anything
  bool stopped() const { return stopped_; }  ///< nothing more is wanted of this file

 private:
  void settle(const Json& first);

  const std::string& file_;
  const DataSource& source_;
  const RowSink& sink_;
  DataSource settled_;
  void (*fill_)(Row&, const Json&, const DataSource&) = nullptr;  // null until the format is settled
  int64_t columns_line_ = 0;
  std::vector<std::string> columns_;
  bool any_ = false, stopped_ = false;
};

}  // namespace lorica
