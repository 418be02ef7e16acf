#include "io/data/rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "io/data/csv.h"
#include "io/formats/file_bytes.h"
#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace lorica {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kMaxDepth = 64;  // of brackets in a JSON row: far above any conversation, far below the stack

/// A fault that ends the reading of one row.
struct Fault {
  Note note;
};

std::string keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& item : object.items()) keys.push_back(item.key());
  return keys.empty() ? "none" : fmt::format("{}", fmt::join(keys, ", "));
}

const Json& member(const Json& row, const std::string& key) {
  const auto found = row.find(key);
  if (found == row.end()) {
    throw Fault{{Check::kBadRow, fmt::format("no key '{}'; the row has: {}", key, keys_of(row))}};
  }
  return *found;
}

std::string text_member(const Json& row, const std::string& key) {
  const Json& value = member(row, key);
  if (!value.is_string()) {
    throw Fault{{Check::kBadRow, fmt::format("{}: expected a text, got {}", key, value.type_name())}};
  }
  return value.get<std::string>();
}

std::string name_member(const Json& row, const std::string& key) {
  if (key.empty()) return {};
  const Json& value = member(row, key);
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number() || value.is_boolean()) return value.dump();
  throw Fault{{Check::kBadRow, fmt::format("{}: expected a text or a number, got {}", key, value.type_name())}};
}

int depth_of(std::string_view json) {
  int depth = 0, deepest = 0;
  bool in_text = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '[' || c == '{') {
      deepest = std::max(deepest, ++depth);
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return deepest;
}

Json parse_object(std::string_view line) {
  if (depth_of(line) > kMaxDepth) {
    throw Fault{{Check::kBadJson, fmt::format("JSON nested deeper than {} levels", kMaxDepth)}};
  }
  Json row;
  try {
    row = Json::parse(line);
  } catch (const Json::parse_error& error) {
    throw Fault{{Check::kBadJson, fmt::format("not valid JSON at byte {}", error.byte)}};
  } catch (const Json::exception&) {
    throw Fault{{Check::kBadJson, "not valid JSON: a number out of range"}};
  }
  if (!row.is_object()) {
    throw Fault{{Check::kBadRow, fmt::format("expected one JSON object a line, got {}", row.type_name())}};
  }
  return row;
}

/// Checks one message and notes what is odd about it.
void check_message(const Json& message, size_t index, std::vector<Note>& notes) {
  const auto fault = [&](const std::string& what) {
    return Fault{{Check::kBadRow, fmt::format("message {}: {}", index + 1, what)}};
  };
  if (!message.is_object()) throw fault(fmt::format("expected an object, got {}", message.type_name()));
  for (const char* key : {"role", "content"}) {
    if (!message.contains(key)) throw fault(fmt::format("no key '{}'; it has: {}", key, keys_of(message)));
  }
  const Json& role = message["role"];
  const Json& content = message["content"];
  const bool calls = message.contains("tool_calls") && !message["tool_calls"].empty();
  if (!role.is_string()) throw fault(fmt::format("role: expected a text, got {}", role.type_name()));
  if (!content.is_string() && !(content.is_null() && calls)) {
    throw fault(fmt::format("content: expected a text, got {}", content.type_name()));
  }
  const std::string name = role.get<std::string>();
  constexpr std::array<std::string_view, 5> kRoles = {"system", "user", "assistant", "tool", "developer"};
  if (std::find(kRoles.begin(), kRoles.end(), name) == kRoles.end()) {
    notes.push_back({Check::kUnknownRole, fmt::format("message {}: role '{}' is not one that templates know", index + 1,
                                                      name.substr(0, 40))});
  }
  const bool blank =
      !content.is_string() || content.get_ref<const std::string&>().find_first_not_of(" \t\r\n") == std::string::npos;
  if (name == "assistant" && blank && !calls) {
    throw Fault{{Check::kEmptyReply, fmt::format("message {}: the reply is empty", index + 1)}};
  }
}

Json message_of(const char* role, std::string content) { return Json{{"role", role}, {"content", std::move(content)}}; }

/// Puts the system prompt in front, checks every message, and hands the conversation to the row.
void set_messages(Row& row, Json messages, const DataSource& source) {
  const bool has_system = !messages.empty() && messages[0].is_object() && messages[0].value("role", Json()) == "system";
  if (!source.system_prompt.empty() && !has_system) {
    messages.insert(messages.begin(), message_of("system", source.system_prompt));
  }
  for (size_t i = 0; i < messages.size(); ++i) check_message(messages[i], i, row.notes);
  row.messages = std::make_shared<const Json>(std::move(messages));
}

void set_prompt_and_response(Row& row, std::string prompt, std::string response, const DataSource& source) {
  set_messages(row, Json::array({message_of("user", std::move(prompt)), message_of("assistant", std::move(response))}),
               source);
}

void set_text_and_label(Row& row, std::string text, std::string label) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) throw Fault{{Check::kBadRow, "the text is empty"}};
  if (label.empty()) throw Fault{{Check::kBadRow, "the label is empty"}};
  row.text = std::move(text);
  row.label = std::move(label);
  row.is_text = true;
}

void check_utf8(std::string_view bytes) {
  const size_t at = utf8::find_invalid(bytes);
  if (at == std::string_view::npos) return;
  throw Fault{{Check::kInvalidUtf8, fmt::format("invalid UTF-8: byte 0x{:02x} at offset {} of the row",
                                                static_cast<unsigned char>(bytes[at]), at)}};
}

void fill_from_json(Row& row, std::string_view line, const DataSource& source) {
  check_utf8(line);
  const Json object = parse_object(line);
  row.slice = name_member(object, source.slice_column);
  if (source.format == DataFormat::kPromptResponse) {
    set_prompt_and_response(row, text_member(object, source.prompt_column), text_member(object, source.response_column),
                            source);
    return;
  }
  if (source.format == DataFormat::kClassification) {
    set_text_and_label(row, text_member(object, source.text_column), name_member(object, source.label_column));
    return;
  }
  const Json& messages = member(object, source.messages_column);
  if (!messages.is_array()) {
    throw Fault{{Check::kBadRow,
                 fmt::format("{}: expected a list of messages, got {}", source.messages_column, messages.type_name())}};
  }
  if (messages.empty()) throw Fault{{Check::kNothingToTrain, fmt::format("{} is empty", source.messages_column)}};
  set_messages(row, messages, source);
}

template <class Fill>
void emit(const std::string& name, int64_t line, const RowSink& sink, Fill&& fill) {
  Row row;
  row.file = name;
  row.line = line;
  try {
    fill(row);
  } catch (Fault& fault) {
    row.messages = nullptr;
    row.is_text = false;
    row.notes.push_back(std::move(fault.note));
  }
  sink(std::move(row));
}

void emit_fault(const std::string& name, int64_t line, const RowSink& sink, Note note) {
  emit(name, line, sink, [&](Row&) { throw Fault{std::move(note)}; });
}

void read_json_lines(std::string_view bytes, const std::string& name, const DataSource& source, const RowSink& sink) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  bool any = false;
  for (int64_t number = 1; !bytes.empty(); ++number) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    any = true;
    emit(name, number, sink, [&](Row& row) { fill_from_json(row, line, source); });
  }
  if (!any) emit_fault(name, 0, sink, {Check::kEmptyFile, "the file holds no rows"});
}

/// Where the named columns stand in the header.
struct Columns {
  size_t prompt = 0, response = 0;
  std::optional<size_t> slice;
};

Columns find_columns(const std::vector<std::string>& header, const DataSource& source) {
  const auto column = [&](const std::string& name) {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) {
      throw Fault{
          {Check::kMissingColumn, fmt::format("no column '{}'; the file has: {}", name, fmt::join(header, ", "))}};
    }
    return static_cast<size_t>(found - header.begin());
  };
  const bool classes = source.format == DataFormat::kClassification;
  Columns columns{column(classes ? source.text_column : source.prompt_column),
                  column(classes ? source.label_column : source.response_column), std::nullopt};
  if (!source.slice_column.empty()) columns.slice = column(source.slice_column);
  return columns;
}

void fill_from_csv(Row& row, CsvRecord& record, size_t width, const Columns& columns, const DataSource& source) {
  if (record.fault == CsvRecord::Fault::kUnterminatedQuote) {
    throw Fault{{Check::kUnterminatedQuote, "a quote that opens in this record is never closed"}};
  }
  if (record.fault == CsvRecord::Fault::kTextAfterQuote) {
    throw Fault{{Check::kBadRow, "text after a closing quote; a quote inside a quoted field is written twice"}};
  }
  if (record.fields.size() != width) {
    throw Fault{{Check::kFieldCount, fmt::format("expected {} fields, got {}", width, record.fields.size())}};
  }
  check_utf8(record.raw);
  if (columns.slice) row.slice = record.fields[*columns.slice];
  if (source.format == DataFormat::kClassification)
    return set_text_and_label(row, record.fields[columns.prompt], record.fields[columns.response]);
  // The same column may serve twice, so neither field is moved out.
  set_prompt_and_response(row, record.fields[columns.prompt], record.fields[columns.response], source);
}

void read_csv(std::string_view bytes, const std::string& name, const DataSource& source, const RowSink& sink) {
  CsvReader reader(bytes);
  const auto header = reader.next();
  if (!header) return emit_fault(name, 0, sink, {Check::kEmptyFile, "the file holds no rows"});
  if (header->fault != CsvRecord::Fault::kNone || utf8::find_invalid(header->raw) != std::string_view::npos) {
    return emit_fault(name, header->line, sink, {Check::kMissingColumn, "the header row is not valid CSV in UTF-8"});
  }
  Columns columns;
  try {
    columns = find_columns(header->fields, source);
  } catch (Fault& fault) {
    return emit_fault(name, header->line, sink, std::move(fault.note));
  }
  bool any = false;
  while (auto record = reader.next()) {
    any = true;
    emit(name, record->line, sink,
         [&](Row& row) { fill_from_csv(row, *record, header->fields.size(), columns, source); });
  }
  if (!any) emit_fault(name, 0, sink, {Check::kEmptyFile, "the file holds a header and no rows"});
}

}  // namespace

DataFileKind data_file_kind(const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  if (ending == ".jsonl" || ending == ".ndjson" || ending == ".json") return DataFileKind::kJsonLines;
  if (ending == ".csv") return DataFileKind::kCsv;
  throw Error("{}: expected a file that ends in .jsonl, .ndjson, .json (one object a line) or .csv", path.string());
}

void read_rows(std::string_view bytes, const std::string& name, DataFileKind kind, const DataSource& source,
               const RowSink& sink) {
  if (kind == DataFileKind::kCsv && source.format == DataFormat::kChat) {
    throw Error("{}: conversations of format chat are read from .jsonl; a .csv file needs format prompt_response",
                name);
  }
  if (kind == DataFileKind::kCsv) {
    read_csv(bytes, name, source, sink);
  } else {
    read_json_lines(bytes, name, source, sink);
  }
}

void read_rows(const std::filesystem::path& path, const DataSource& source, const RowSink& sink) {
  const DataFileKind kind = data_file_kind(path);
  const MappedFile file(path);
  read_rows(file.bytes(), path.string(), kind, source, sink);
}

}  // namespace lorica
