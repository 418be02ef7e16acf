#pragma once
#include <string>
#include <vector>

#include "io/data/row_parts.h"

namespace lorica {

/// A text with the values of a row's columns put in: "{name}" stands for the value of the column `name`, "{{" and "}}"
/// for one brace. A text stands for itself, null for nothing, and any other value for its JSON.
class ColumnTemplate {
 public:
  /// Throws Error, beginning with `key`, where a brace has no partner.
  ColumnTemplate(const std::string& text, const std::string& key);
  const std::vector<std::string>& columns() const { return columns_; }
  /// Throws Fault naming a column that the row lacks.
  std::string fill(const Json& row) const;

 private:
  std::string key_;
  std::vector<std::string> texts_ = {""};  // one more than there are columns: before, between and after them
  std::vector<std::string> columns_;
};

}  // namespace lorica
