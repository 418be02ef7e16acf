#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/data/options.h"
#include "io/data/text_model.h"
#include "io/data/token_file.h"

namespace lorica {

/// What tells a file from itself after a change, as far as the file system says.
struct FileStamp {
  uint64_t device = 0, inode = 0, size = 0;
  int64_t modified_ns = 0, changed_ns = 0;
  bool operator==(const FileStamp&) const = default;
};

/// A folder with the tokens of data sets that were read before. A set is found again by a hash of the program, the data
/// files, the tokenizer, the templates and the options. Hashes of files are kept too, under their stamps, so that a
/// file that stands unchanged is not read at all. Several processes may use a folder at once.
class TokenCache {
 public:
  /// Of files of tokens together; above it those go that were not used for the longest time.
  static constexpr uint64_t kLargestFolder = uint64_t{20} << 30;

  /// An empty path is a cache that never holds anything.
  explicit TokenCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// The key of a data set, or nothing where there can be none: no folder, a text side of unknown identity, a file that
  /// cannot be read or is no regular file. `before` is the key of the set that this one is compared with.
  std::optional<std::string> key_of(const DataOptions& options, const std::vector<DataSource>& sources,
                                    const TextModel& model, const std::string& before);

  /// The set that was kept under the key. A file that is damaged is told on stderr and passed over.
  std::optional<ReadSet> find(const std::string& key) const;

  /// Where a set with the key is to be written; empty where that is not possible.
  std::filesystem::path path_for(const std::string& key) const;

  /// Whether the files that keys were made of are still what they were then.
  bool unchanged() const;

  /// Takes away what is too old or too much.
  void prune(uint64_t largest = kLargestFolder) const;

 private:
  std::string hash_of_file(const std::filesystem::path& path);

  std::filesystem::path folder_;
  std::vector<std::pair<std::filesystem::path, FileStamp>> files_;
};

/// The folder that is used where none is named: lorica/tokens in $XDG_CACHE_HOME, else in ~/.cache. Empty where neither
/// is known.
std::filesystem::path default_token_cache();

}  // namespace lorica
