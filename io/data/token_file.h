#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/data/dataset_builder.h"
#include "io/data/finding.h"
#include "io/data/row_index.h"

namespace lorica {

/// What finding the same text again needs of a row; a hash is 0 where the row has no such text.
struct RowPrint {
  uint64_t whole;
  uint64_t prompt;
  RowPlace place;
};

/// A data set as reading it gives it.
struct ReadSet {
  Dataset data;
  Findings findings;
  std::span<const RowPrint> prints;   ///< of all rows; empty where the set was not kept in a file
  std::shared_ptr<const void> owner;  ///< of the prints
};

// A file of tokens: a header with the key, the place, length and hash of each section, and a hash of its own; then the
// ids, the masks, the documents, the prints and, in CBOR, everything else. It is in the byte order and the layout of
// the machine, for the program that wrote it.

/// Maps a file of tokens and checks everything that could lead outside of it: all lengths, the hashes of all sections
/// but the ids and masks themselves (hashing them would mean to read all of them), every offset and index. Throws Error
/// with what is wrong.
ReadSet open_token_file(const std::filesystem::path& path, const std::string& key);

/// Writes a file of tokens as they come, so that few of them are in memory, readable by its owner alone. Where that
/// does not work they are kept in memory after one warning on stderr.
class TokenFileWriter {
 public:
  /// `path` is where the file goes in the end; temporary files stand beside it. Without a path all stays in memory.
  explicit TokenFileWriter(const std::filesystem::path& path);
  ~TokenFileWriter();
  TokenFileWriter(const TokenFileWriter&) = delete;
  TokenFileWriter& operator=(const TokenFileWriter&) = delete;

  /// Where to put tokens; call once.
  ExampleSetBuilder::Columns columns();
  void add(const RowPrint& print) { prints_.append(&print, sizeof print); }

  /// Puts the file in place; `set` has everything but the examples, which are in `examples`. False where it is not
  /// there in the end, and then `examples` still has them.
  bool commit(const std::string& key, ExampleSetBuilder& examples, const ReadSet& set);
  /// Whether the warning was given.
  bool failed() const { return warned_; }

 private:
  Column open_column(bool lasting, size_t begin);
  void warn(int reason);

  std::filesystem::path path_;
  std::string aside_;  // the file that becomes the result
  Column prints_;
  bool warned_ = false;
};

}  // namespace lorica
