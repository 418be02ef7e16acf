#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lorica {

/// What one row of a data file holds.
enum class DataFormat {
  kChat,            ///< {"messages": [{"role": ..., "content": ...}, ...]}, JSONL only
  kPromptResponse,  ///< two text columns, JSONL or CSV
  kClassification,  ///< a text and the name of its class, JSONL or CSV
};

/// What happens to a row of more than max_tokens tokens.
enum class TooLong {
  kDrop,      ///< the row is left out
  kTruncate,  ///< the first max_tokens tokens are kept
  kSplit,     ///< the row becomes several examples; every trained token is trained once
};

/// What happens to a row that cannot be trained on (bad JSON, a role order that the template rejects, ...).
enum class BadRows {
  kRefuse,  ///< loading throws Error naming the first one
  kDrop,    ///< the row is left out and counted
};

/// Files whose rows are read the same way. Files end in .jsonl, .ndjson or .json (one object a line), or in .csv
/// (RFC 4180 with a header row).
struct DataSource {
  std::vector<std::filesystem::path> files = {};
  DataFormat format = DataFormat::kChat;
  std::string messages_column = "messages";
  std::string prompt_column = "prompt";
  std::string response_column = "response";
  std::string text_column = "text";
  std::string label_column = "label";
  std::string system_prompt = "";  ///< put before conversations that do not start with a system message; empty: none
  std::string slice_column = "";   ///< its value is carried with each example; empty: none
};

/// Where the examples are and what becomes of each.
struct DataOptions {
  std::vector<DataSource> train;
  std::vector<DataSource> eval;
  int64_t max_tokens = 2048;          ///< at least 2
  TooLong too_long = TooLong::kDrop;  ///< a text to classify is always truncated
  BadRows bad_rows = BadRows::kRefuse;
  std::vector<std::string> labels = {};  ///< of a classifier, by class: what the rows' labels are looked up in
};

}  // namespace lorica
