#include <fmt/format.h>

#include "io/data/column_template.h"
#include "io/data/row_formats.h"
#include "io/formats/blanks.h"

namespace lorica {
namespace {

void set_text(Row& row, std::string text, const std::string& what) {
  if (is_blank(text)) throw_empty(what);
  row.text = std::move(text);
  row.is_text = true;
}

}  // namespace

void fill_text(Row& row, const Json& record, const DataSource& source) {
  set_text(row, text_member(record, source.text_column), source.text_column);
}

void fill_classification(Row& row, const Json& record, const DataSource& source) {
  row.label = scalar_member(record, source.label_column);
  if (row.label.empty()) throw bad_row(fmt::format("{} is empty", source.label_column));
  if (!source.prompt_template.empty()) {
    return set_text(row, ColumnTemplate(source.prompt_template, "prompt_template").fill(record), "the prompt");
  }
  fill_text(row, record, source);
}

}  // namespace lorica
