#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer/json_node.h"

namespace lorica {

/// The tokens of a model and their ids. Ids may have gaps, within reason: the tables are arrays.
class Vocabulary {
 public:
  /// Reads {"token": id, ...}. Throws Error for an id given twice or far above the number of tokens.
  explicit Vocabulary(const JsonNode& node);
  /// The tokens of a list, whose ids are their places; of equal ones the last is found by its text.
  explicit Vocabulary(std::span<const std::string_view> tokens);
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  std::optional<int32_t> id_of(std::string_view token) const {
    const int32_t id = slots_[find_slot(token)];
    return id < 0 ? std::nullopt : std::optional(id);
  }
  /// The token's text, or null data() when no token has this id.
  std::string_view text(int32_t id) const {
    return id >= 0 && static_cast<size_t>(id) < texts_.size() ? texts_[static_cast<size_t>(id)] : std::string_view();
  }
  /// The number of tokens, and the highest id + 1.
  int32_t tokens() const { return tokens_; }
  int32_t end() const { return static_cast<int32_t>(texts_.size()); }

 private:
  void make_tables(size_t tokens, size_t bytes, size_t end);
  void add(std::string_view token, int32_t id);
  size_t find_slot(std::string_view token) const;

  std::string characters_;  // what the views below point into
  std::vector<std::string_view> texts_;
  std::vector<int32_t> slots_;  // ids by the hash of their text, -1 where there is none; open addressing
  int32_t tokens_ = 0;
};

}  // namespace lorica
