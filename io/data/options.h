#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace lorica {

/// What one row of a data file holds; docs/data.md shows each.
enum class DataFormat {
  kAuto,            ///< one of the others but classification, by the columns of a file's first row
  kChat,            ///< {"messages": [{"role": ..., "content": ...}, ...]}
  kShareGpt,        ///< {"conversations": [{"from": ..., "value": ...}, ...]}
  kAlpaca,          ///< {"instruction": ..., "input": ..., "output": ...}
  kPromptResponse,  ///< a column for the prompt and one for the answer
  kPreference,      ///< a chosen answer beside a rejected one; the chosen one is trained
  kText,            ///< plain text, every token of which is trained
  kClassification,  ///< a text and the name of its class
};

/// What a row of a plain text file is.
enum class SampleBy {
  kDocument,   ///< the whole file
  kParagraph,  ///< lines up to the next blank one
  kLine,       ///< one line
};

/// What happens to a row of more than max_tokens tokens.
enum class TooLong {
  kAuto,      ///< plain text is split, every other row dropped
  kDrop,      ///< the row is left out
  kTruncate,  ///< the first max_tokens tokens are kept
  kSplit,     ///< the row becomes several examples; every trained token is trained once
};

/// What happens to a row that cannot be trained on (bad JSON, a role order that the template rejects, ...).
enum class BadRows {
  kRefuse,  ///< loading throws Error naming the first one
  kDrop,    ///< the row is left out and counted
};

/// Files whose rows are read the same way, and how. Their names end in .jsonl, .ndjson, .json, .csv, .tsv, .txt, .md,
/// .conll or .parquet, and all but the last may be packed: .gz or .zst after that. An empty column name is the format's
/// usual one; an empty text is "none".
struct DataSource {
  std::vector<std::filesystem::path> files = {};
  DataFormat format = DataFormat::kAuto;
  std::string field = "";  ///< of a JSON file that is one object: the key whose list holds the rows
  std::string messages_column = "";
  std::string prompt_column = "";
  std::string response_column = "";
  std::string text_column = "";
  std::string label_column = "";
  std::string system_column = "";
  std::string tools_column = "";
  std::string slice_column = "";       ///< its value is carried with each example
  std::string prompt_template = "";    ///< the prompt, with {column} for a row's value and {{ }} for braces
  std::string response_template = "";  ///< the response, likewise
  std::string system_prompt = "";      ///< put before conversations that do not start with a system message
  std::string chat_template = "";      ///< path; empty: the model's own
  double weight = 1;                   ///< how often each row is seen in an epoch, on average
  SampleBy sample_by = SampleBy::kDocument;
  bool operator==(const DataSource&) const = default;
};

/// Where the examples are and what becomes of each.
struct DataOptions {
  std::vector<DataSource> train;
  std::vector<DataSource> eval;
  int64_t max_tokens = 2048;  ///< at least 2
  TooLong too_long = TooLong::kAuto;
  BadRows bad_rows = BadRows::kRefuse;
  std::vector<std::string> classes = {};  ///< of a classifier, by index: what the rows' labels are looked up in
  std::filesystem::path cache_dir = {};   ///< where tokens are kept between runs; empty: nowhere
  size_t threads = 0;                     ///< that encode; 0: one for each core. The result is the same
};

}  // namespace lorica
