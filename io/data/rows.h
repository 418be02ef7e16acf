#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/finding.h"
#include "io/data/options.h"

namespace lorica {

/// One row of a data file, before the template and the tokenizer have seen it.
struct Row {
  std::string file;
  int64_t line = 0;  ///< where the row starts, from 1; 0 for a fault of the whole file
  /// The conversation as a list of {"role", "content"} objects, the system prompt of the source included. A row with
  /// a prompt and a response is one user and one assistant message. Null where the notes hold an error.
  std::shared_ptr<const nlohmann::ordered_json> messages;
  std::string text;  ///< where is_text, what to read; messages is null
  bool is_text = false;
  std::string label;  ///< format classification: the name of the class
  std::string slice;
  std::vector<Note> notes;
};

using RowSink = std::function<void(Row&&)>;

enum class DataFileKind { kJsonLines, kCsv };

/// By the file name's ending. Throws Error "data.txt: expected a file that ends in .jsonl, ...".
DataFileKind data_file_kind(const std::filesystem::path& path);

/// Calls `sink` for every row of `bytes` in file order. What is wrong with a row or with the file is a note of the row
/// that the sink gets; nothing is thrown for it. `name` is the file in what the user reads.
void read_rows(std::string_view bytes, const std::string& name, DataFileKind kind, const DataSource& source,
               const RowSink& sink);

/// The same for a file. Throws Error where it cannot be opened, has another ending, or is a CSV file of chats.
void read_rows(const std::filesystem::path& path, const DataSource& source, const RowSink& sink);

}  // namespace lorica
