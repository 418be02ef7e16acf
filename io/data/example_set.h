#pragma once
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "io/data/column.h"
#include "io/data/example.h"

namespace lorica {

/// What an ExampleSet keeps of a document beside its tokens: 32 bytes, on disk as in memory.
struct DocumentEntry {
  int64_t begin;   ///< its first token in the columns; its last is before the next document's first
  int64_t line;    ///< in the file, from 1
  int32_t file;    ///< index in the set's files
  int32_t slice;   ///< index in the set's slices
  int32_t label;   ///< index of the class, or -1
  int32_t source;  ///< index of the data source
};

/// The documents of a data set in columns, in memory or in a mapped file. Immutable, and a copy shares the columns.
class ExampleSet {
 public:
  struct Columns {
    std::span<const int32_t> ids;
    std::span<const uint8_t> trained;
    std::span<const DocumentEntry> documents;
  };
  struct Names {
    std::vector<std::string> files;
    std::vector<std::string> slices;
  };

  ExampleSet() = default;
  /// `owner` keeps the memory of the columns. They must fit together: columns_fit().
  ExampleSet(Columns columns, std::shared_ptr<const Names> names, std::shared_ptr<const void> owner, uint64_t hash);

  size_t size() const { return columns_.documents.size(); }
  bool empty() const { return columns_.documents.empty(); }
  /// Valid for as long as a copy of the set is.
  ExampleView operator[](size_t index) const;
  size_t length(size_t index) const { return end_of(index) - static_cast<size_t>(columns_.documents[index].begin); }
  int32_t source(size_t index) const { return columns_.documents[index].source; }
  int32_t label(size_t index) const { return columns_.documents[index].label; }

  /// Of the ids and the masks of all documents, in order: a resumed run must see the same data.
  uint64_t hash() const { return hash_; }

  class Iterator {
   public:
    using value_type = ExampleView;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = void;
    using reference = ExampleView;
    Iterator(const ExampleSet& set, size_t index) : set_(&set), index_(index) {}
    ExampleView operator*() const { return (*set_)[index_]; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    const ExampleSet* set_;
    size_t index_;
  };
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, size()}; }

 private:
  size_t end_of(size_t index) const {
    return index + 1 < size() ? static_cast<size_t>(columns_.documents[index + 1].begin) : columns_.ids.size();
  }

  Columns columns_;
  std::shared_ptr<const Names> names_;
  std::shared_ptr<const void> owner_;
  uint64_t hash_ = 0;
};

/// Whether every index and offset in the columns leads to something that is there.
bool columns_fit(const ExampleSet::Columns& columns, const ExampleSet::Names& names);

/// Numbers texts in the order in which they are first met.
class NameTable {
 public:
  int32_t number(std::string_view name);
  const std::vector<std::string>& names() const { return names_; }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::vector<std::string> names_;
  std::unordered_map<std::string, int32_t, Hash, std::equal_to<>> numbers_;
  int32_t last_ = -1;
};

/// Gathers documents, in memory or in files.
class ExampleSetBuilder {
 public:
  struct Columns {
    Column ids, trained, documents;
  };

  ExampleSetBuilder() = default;
  explicit ExampleSetBuilder(Columns columns) : columns_(std::move(columns)) {}

  void append(const ExampleView& example);
  /// What was appended, in memory; the builder is of no use afterwards.
  ExampleSet finish();

  Columns& columns() { return columns_; }
  const std::vector<std::string>& files() const { return files_.names(); }
  const std::vector<std::string>& slices() const { return slices_.names(); }
  uint64_t hash() const { return hash_; }

 private:
  Columns columns_;
  NameTable files_, slices_;
  int64_t tokens_ = 0;
  uint64_t hash_ = 0xcbf29ce484222325u;
};

ExampleSet example_set(std::span<const Example> examples);

}  // namespace lorica
