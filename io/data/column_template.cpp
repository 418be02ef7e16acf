#include "io/data/column_template.h"

#include <fmt/format.h>

#include "kernels/error.h"

namespace lorica {

ColumnTemplate::ColumnTemplate(const std::string& text, const std::string& key) : key_(key) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '{' && c != '}') {
      texts_.back() += c;
    } else if (text.compare(i, 2, std::string(2, c)) == 0) {
      texts_.back() += c;
      ++i;
    } else {
      const size_t close = text.find_first_of("{}", i + 1);
      if (c == '}' || close == std::string::npos || text[close] == '{' || close == i + 1) {
        throw Error("{}: the '{}' at byte {} belongs to no {{column}}; a brace itself is written '{}{}'", key_, c,
                    i + 1, c, c);
      }
      columns_.push_back(text.substr(i + 1, close - i - 1));
      texts_.emplace_back();
      i = close;
    }
  }
}

std::string ColumnTemplate::fill(const Json& row) const {
  std::string text = texts_[0];
  for (size_t i = 0; i < columns_.size(); ++i) {
    const auto value = row.find(columns_[i]);
    if (value == row.end()) {
      throw bad_row(fmt::format("{}: no column '{}'; the row has: {}", key_, columns_[i], names_of(row)));
    }
    if (value->is_string()) {
      text += value->get_ref<const std::string&>();
    } else if (!value->is_null()) {
      text += value->dump();
    }
    text += texts_[i + 1];
  }
  return text;
}

}  // namespace lorica
