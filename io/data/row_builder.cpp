#include "io/data/row_builder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "io/data/row_formats.h"

namespace lorica {
namespace {

using Fill = void (*)(Row&, const Json&, const DataSource&);

Fill fill_of(DataFormat format) {
  switch (format) {
    case DataFormat::kAuto:
      break;
    case DataFormat::kChat:
      return fill_chat;
    case DataFormat::kShareGpt:
      return fill_sharegpt;
    case DataFormat::kAlpaca:
      return fill_alpaca;
    case DataFormat::kPromptResponse:
      return fill_prompt_response;
    case DataFormat::kPreference:
      return fill_preference;
    case DataFormat::kText:
      return fill_text;
    case DataFormat::kClassification:
      return fill_classification;
  }
  return nullptr;
}

/// A row that is a list has columns 0, 1, ...; one that is a text has the column text.
Json as_object(Json record) {
  if (record.is_object()) return record;
  Json object = Json::object();
  if (record.is_string()) {
    object["text"] = std::move(record);
  } else if (record.is_array()) {
    constexpr size_t kMostColumns = 1000;  // members are looked up one after the other
    if (record.size() > kMostColumns) throw bad_row(fmt::format("a row of {} values", record.size()));
    for (size_t i = 0; i < record.size(); ++i) object[std::to_string(i)] = std::move(record[i]);
  } else {
    throw bad_row(fmt::format("expected an object, a list or a text, got {}", record.type_name()));
  }
  return object;
}

}  // namespace

RowBuilder::RowBuilder(const std::string& file, const DataSource& source, const RowSink& sink)
    : file_(file), source_(source), sink_(sink) {}

void RowBuilder::set_columns(int64_t line, std::vector<std::string> names) {
  columns_line_ = line;
  columns_ = std::move(names);
}

void RowBuilder::settle(const Json& first) {
  const auto refuse = [&](std::string message) {
    stopped_ = true;
    fault(columns_line_, {Check::kMissingColumn, std::move(message)});
  };
  try {
    settled_ = settle_format(source_, first);
  } catch (const Fault& unclear) {
    if (columns_.empty()) throw;  // another row may tell more
    return refuse(unclear.note.message);
  }
  if (!columns_.empty()) {
    for (const std::string& name : needed_columns(settled_)) {
      if (std::find(columns_.begin(), columns_.end(), name) != columns_.end()) continue;
      return refuse(fmt::format("no column '{}'; the file has: {}", name, fmt::join(columns_, ", ")));
    }
  }
  fill_ = fill_of(settled_.format);
}

void RowBuilder::add(int64_t line, const std::function<Json()>& make) {
  any_ = true;
  Row row;
  row.file = file_;
  row.line = line;
  try {
    const Json record = as_object(make());
    if (fill_ == nullptr) settle(record);
    if (stopped_) return;
    if (!settled_.slice_column.empty()) row.slice = scalar_member(record, settled_.slice_column);
    fill_(row, record, settled_);
  } catch (Fault& fault) {
    row.messages = row.tools = nullptr;
    row.is_text = false;
    row.text.clear();
    row.notes.push_back(std::move(fault.note));
  }
  sink_(std::move(row));
}

void RowBuilder::fault(int64_t line, Note note) {
  any_ = true;
  Row row;
  row.file = file_;
  row.line = line;
  row.notes.push_back(std::move(note));
  sink_(std::move(row));
}

}  // namespace lorica
