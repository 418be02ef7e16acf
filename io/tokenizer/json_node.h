#pragma once
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "io/tokenizer/function_ref.h"

namespace lorica {

/// A value inside a JSON file together with its place, so that every complaint reads
/// "tokenizer.json: model.merges[17]: expected a string, got 5". Points into a document that must outlive it.
class JsonNode {
 public:
  JsonNode(const nlohmann::json& value, std::string_view origin);

  bool is_null() const;
  bool is_string() const;
  bool is_array() const;

  /// The member `key` of an object, or nothing when it is absent or null.
  std::optional<JsonNode> find(std::string_view key) const;
  /// The member `key` of an object. Error when it is absent; null is returned as a null node.
  JsonNode at(std::string_view key) const;
  /// Calls back for each element of an array, in order.
  void each(FunctionRef<void(const JsonNode&)> f) const;
  /// Calls back for each member of an object, by key.
  void each_member(FunctionRef<void(std::string_view key, const JsonNode&)> f) const;
  /// The number of elements of an array, or of members of an object.
  size_t size() const;

  const std::string& string() const;
  bool boolean() const;
  double number() const;
  /// A whole number from 0 to `max`.
  int64_t count(int64_t max) const;
  bool boolean_or(std::string_view key, bool absent) const;
  /// The member `key` as text; empty when it is absent or null.
  std::string string_or_empty(std::string_view key) const;
  /// Error when the object has a member that is not among `keys`: a setting that is not understood is never ignored.
  void allow_only(std::initializer_list<std::string_view> keys) const;

  /// "ORIGIN: PLACE: MESSAGE", and an Error that says so.
  std::string message(std::string_view text) const;
  [[noreturn]] void fail(std::string_view text) const;
  /// Throws Error "ORIGIN: PLACE: expected WHAT, got VALUE".
  [[noreturn]] void expected(std::string_view what) const;

 private:
  struct Place {
    std::string origin, path;
    int depth = 0;
  };
  JsonNode(const nlohmann::json& value, std::shared_ptr<const Place> parent, std::string_view key, size_t index);
  std::string path() const;
  std::shared_ptr<const Place> place() const;
  void need_object() const;

  // The path is put together only when it is needed: a vocabulary has hundreds of thousands of nodes.
  const nlohmann::json* value_;
  std::shared_ptr<const Place> parent_;
  std::string_view key_;
  size_t index_ = 0;
};

/// Parses `text` and calls `f` with its root. Throws Error "ORIGIN: ..." on malformed JSON.
void with_json(std::string_view text, std::string_view origin, FunctionRef<void(const JsonNode&)> f);

}  // namespace lorica
