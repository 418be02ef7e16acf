#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/finding.h"
#include "io/data/options.h"

namespace lorica {

/// One row of a data file, before the template and the tokenizer have seen it. Where the notes hold an error, or
/// Check::kLeftOut, it has neither messages nor text.
struct Row {
  std::string file;
  int64_t line = 0;  ///< where the row starts, from 1; 0 for a fault of the whole file. Of Parquet: the row's number
  /// The conversation as a list of {"role", "content", ...} objects, the system prompt of the source included. A row
  /// with a prompt and a response is one user and one assistant message. An assistant message that is shown and not
  /// trained has "train": false. Arguments of tool calls are objects.
  std::shared_ptr<const nlohmann::ordered_json> messages;
  std::shared_ptr<const nlohmann::ordered_json> tools;  ///< list of JSON schemas for the template, or null
  std::string text;                                     ///< where is_text, what to read; messages is null
  bool is_text = false;
  std::string label;  ///< format classification: the name of the class of the text
  std::string slice;
  std::vector<Note> notes;
};

using RowSink = std::function<void(Row&&)>;

enum class DataFileKind { kJsonLines, kJson, kCsv, kTsv, kText, kConll, kParquet };

/// By the file name's ending, .gz and .zst put aside; nothing for another one.
std::optional<DataFileKind> find_data_file_kind(const std::filesystem::path& path);
/// The same. Throws Error "data.xls: expected a file that ends in .jsonl, ...".
DataFileKind data_file_kind(const std::filesystem::path& path);

/// The largest row, in bytes of the unpacked file; a larger one is a fault of that row.
constexpr size_t kLargestRow = size_t{64} << 20;

/// Calls `sink` for every row of `bytes` in file order. What is wrong with a row or with the file is a note of the row
/// that the sink gets; nothing is thrown for it. `name` is the file in what the user reads. Any kind but Parquet.
void read_rows(std::string_view bytes, const std::string& name, DataFileKind kind, const DataSource& source,
               const RowSink& sink, size_t largest_row = kLargestRow);

/// The same for a file, of which no more than a row is held. Throws Error where it cannot be opened or read, has
/// another ending, or is a Parquet file and this build reads none; and where a template of the source is not one.
void read_rows(const std::filesystem::path& path, const DataSource& source, const RowSink& sink,
               size_t largest_row = kLargestRow);

}  // namespace lorica
