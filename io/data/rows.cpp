#include "io/data/rows.h"

#include <algorithm>
#include <array>

#include "io/data/byte_reader.h"
#include "io/data/column_template.h"
#include "io/data/records.h"
#include "io/data/row_builder.h"
#include "kernels/error.h"

namespace lorica {
namespace {

struct Ending {
  std::string_view text;
  DataFileKind kind;
};
constexpr std::array<Ending, 10> kEndings = {{{".jsonl", DataFileKind::kJsonLines},
                                              {".ndjson", DataFileKind::kJsonLines},
                                              {".json", DataFileKind::kJson},
                                              {".csv", DataFileKind::kCsv},
                                              {".tsv", DataFileKind::kTsv},
                                              {".txt", DataFileKind::kText},
                                              {".text", DataFileKind::kText},
                                              {".md", DataFileKind::kText},
                                              {".conll", DataFileKind::kConll},
                                              {".parquet", DataFileKind::kParquet}}};

void read_records(ByteReader& bytes, DataFileKind kind, RowBuilder& rows, size_t largest) {
  switch (kind) {
    case DataFileKind::kJsonLines:
      return rows.source().field.empty() ? read_json_lines(bytes, rows, largest) : read_json(bytes, rows, largest);
    case DataFileKind::kJson:
      return read_json(bytes, rows, largest);
    case DataFileKind::kCsv:
      return read_table(bytes, rows, ',', largest);
    case DataFileKind::kTsv:
      return read_table(bytes, rows, '\t', largest);
    case DataFileKind::kText:
      return read_plain_text(bytes, rows, largest);
    case DataFileKind::kConll:
      return read_conll(bytes, rows, largest);
    case DataFileKind::kParquet:
      break;
  }
  throw Error("Parquet is read from a file, not from bytes");
}

/// Runs `read`, and tells the sink of what ended it and of a file without rows.
template <class Read>
void finish_file(RowBuilder& rows, const Read& read, const std::function<int64_t()>& line) {
  try {
    read();
  } catch (Fault& fault) {
    return rows.fault(line(), std::move(fault.note));
  }
  if (!rows.any()) rows.fault(0, {Check::kEmptyFile, "the file holds no rows"});
}

void read_stream(std::unique_ptr<ByteSource> packed, DataFileKind kind, RowBuilder& rows, size_t largest) {
  std::optional<ByteReader> bytes;
  finish_file(
      rows, [&] { read_records(bytes.emplace(unpacked(std::move(packed))), kind, rows, largest); },
      [&] { return bytes ? bytes->line() : 1; });
}

void check_templates(const DataSource& source) {
  ColumnTemplate(source.prompt_template, "prompt_template");
  ColumnTemplate(source.response_template, "response_template");
}

}  // namespace

std::optional<DataFileKind> find_data_file_kind(const std::filesystem::path& path) {
  std::filesystem::path name = path.filename();
  if (name.extension() == ".gz" || name.extension() == ".zst") name = name.stem();
  const std::string ending = name.extension().string();
  const auto* found =
      std::find_if(kEndings.begin(), kEndings.end(), [&](const Ending& known) { return known.text == ending; });
  return found == kEndings.end() ? std::nullopt : std::optional(found->kind);
}

DataFileKind data_file_kind(const std::filesystem::path& path) {
  if (const auto kind = find_data_file_kind(path)) return *kind;
  std::string names;
  for (const Ending& known : kEndings) names += (names.empty() ? "" : ", ") + std::string(known.text);
  throw Error("{}: expected a file that ends in one of {}, or in one of these and .gz or .zst", path.string(), names);
}

void read_rows(std::string_view bytes, const std::string& name, DataFileKind kind, const DataSource& source,
               const RowSink& sink, size_t largest_row) {
  check_templates(source);
  RowBuilder rows(name, source, sink);
  read_stream(memory_source(bytes), kind, rows, largest_row);
}

void read_rows(const std::filesystem::path& path, const DataSource& source, const RowSink& sink, size_t largest_row) {
  const DataFileKind kind = data_file_kind(path);
  check_templates(source);
  const std::string name = path.string();
  RowBuilder rows(name, source, sink);
  if (kind == DataFileKind::kParquet) {
    finish_file(
        rows, [&] { read_parquet(path, rows); }, [] { return 0; });
  } else {
    read_stream(file_source(path), kind, rows, largest_row);
  }
}

}  // namespace lorica
