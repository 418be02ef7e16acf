#pragma once
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "recipes/recipe.h"
#include "recipes/yaml_tree.h"

namespace lorica {

/// What a key allows beyond its type. For a text or a list `non_empty` is what counts, for a number the range.
struct Limits {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_excluded = false, high_excluded = false;
  bool non_empty = false;

  bool hold(double value) const;
  /// "from 1 to 4096", "of at least 0", "above 0 and below 1"; empty without a bound.
  std::string text() const;
};

/// How a value type is written in YAML. Each has
///   type()              its name in the reference, "list of texts"
///   expected(limits)    what an error message and the reference say is allowed, "an integer from 1 to 4096"
///   read(node, limits, value)  sets value and returns null, or returns the node that is not as expected; throws
///                       YamlProblem where more than that is to be said
///   print(value)        the YAML that reads back as the same value; empty where nothing is to be written
template <class T>
struct YamlValue;

template <>
struct YamlValue<std::string> {
  static std::string type() { return "text"; }
  static std::string expected(const Limits& limits) { return limits.non_empty ? "a text that is not empty" : "a text"; }
  static const YamlNode* read(const YamlNode& node, const Limits&, std::string& value);
  static std::string print(const std::string& value) { return yaml_quoted(value); }
};

template <>
struct YamlValue<bool> {
  static std::string type() { return "true or false"; }
  static std::string expected(const Limits&) { return "true or false"; }
  static const YamlNode* read(const YamlNode& node, const Limits&, bool& value);
  static std::string print(bool value) { return value ? "true" : "false"; }
};

template <>
struct YamlValue<int64_t> {
  static std::string type() { return "integer"; }
  static std::string expected(const Limits& limits) { return "an integer" + limits.text(); }
  static const YamlNode* read(const YamlNode& node, const Limits&, int64_t& value);
  static std::string print(int64_t value) { return std::to_string(value); }
};

template <>
struct YamlValue<double> {
  static std::string type() { return "number"; }
  static std::string expected(const Limits& limits) { return "a number" + limits.text(); }
  static const YamlNode* read(const YamlNode& node, const Limits&, double& value);
  static std::string print(double value);
};

/// One text, or a list of texts, none of them empty.
template <>
struct YamlValue<std::vector<std::string>> {
  static std::string type() { return "text or list"; }
  static std::string expected(const Limits&) { return "a text or a list of texts, none of them empty"; }
  static const YamlNode* read(const YamlNode& node, const Limits&, std::vector<std::string>& value);
  static std::string print(const std::vector<std::string>& value);
};

/// A path, a list of paths, or a list of paths and of mappings with a path and keys of a source.
template <>
struct YamlValue<std::vector<DataItem>> {
  static std::string type() { return "sources"; }
  static std::string expected(const Limits&) {
    return "a path, or a list of paths and of mappings such as {path: data/a.jsonl, weight: 2}";
  }
  static const YamlNode* read(const YamlNode& node, const Limits&, std::vector<DataItem>& value);
  static std::string print(const std::vector<DataItem>& value);
};

/// Layer numbers: 5, "20-29", or a list of such. Read into rising numbers, each once.
template <>
struct YamlValue<std::vector<int>> {
  static constexpr int kMaxLayer = 9999;
  static std::string type() { return "layers"; }
  static std::string expected(const Limits&) { return "a layer number, a range such as 20-29, or a list of these"; }
  static const YamlNode* read(const YamlNode& node, const Limits&, std::vector<int>& value);
  static std::string print(const std::vector<int>& value);
};

/// A length of time, held in seconds and written as 150s, 8m, 1h30m or 2d.
struct YamlDuration {
  static std::string type() { return "time"; }
  static std::string expected(const Limits&) { return "a time such as 150s, 8m or 1h30m, above 0 and up to 365d"; }
  static const YamlNode* read(const YamlNode& node, const Limits&, double& seconds);
  static std::string print(double seconds);
};

/// A value that may be left out.
template <class T, class Inner = YamlValue<T>>
struct YamlOptional {
  static std::string type() { return Inner::type(); }
  static std::string expected(const Limits& limits) { return Inner::expected(limits); }
  static const YamlNode* read(const YamlNode& node, const Limits& limits, std::optional<T>& value) {
    T inner{};
    const YamlNode* wrong = Inner::read(node, limits, inner);
    if (!wrong) value = inner;
    return wrong;
  }
  static std::string print(const std::optional<T>& value) { return value ? Inner::print(*value) : std::string(); }
};
template <class T>
struct YamlValue<std::optional<T>> : YamlOptional<T> {};

/// The names of an enum, in the order of its values; one overload an enum.
template <class E>
struct EnumNames;
template <>
struct EnumNames<Precision> {
  static constexpr const char* kNames[] = {"auto", "f32", "bf16"};
};
template <>
struct EnumNames<DeviceChoice> {
  static constexpr const char* kNames[] = {"auto", "cpu", "cuda"};
};
template <>
struct EnumNames<AttentionKernel> {
  static constexpr const char* kNames[] = {"auto", "mma", "cudnn"};
};
template <>
struct EnumNames<Task> {
  static constexpr const char* kNames[] = {"causal_lm", "seq_cls"};
};
template <>
struct EnumNames<DataFormat> {
  static constexpr const char* kNames[] = {"auto",       "chat", "sharegpt",      "alpaca", "prompt_response",
                                           "preference", "text", "classification"};
};
template <>
struct EnumNames<SampleBy> {
  static constexpr const char* kNames[] = {"document", "paragraph", "line"};
};
template <>
struct EnumNames<TooLong> {
  static constexpr const char* kNames[] = {"auto", "drop", "truncate", "split"};
};
template <>
struct EnumNames<AdapterType> {
  static constexpr const char* kNames[] = {"lora", "none"};
};
template <>
struct EnumNames<ScheduleKind> {
  static constexpr const char* kNames[] = {"constant", "linear", "cosine"};
};

template <class E>
std::vector<std::string> names_of() {
  return {std::begin(EnumNames<E>::kNames), std::end(EnumNames<E>::kNames)};
}

/// The value of that name, or none.
template <class E>
std::optional<E> enum_named(std::string_view name) {
  int index = 0;
  for (const char* known : EnumNames<E>::kNames) {
    if (name == known) return static_cast<E>(index);
    ++index;
  }
  return std::nullopt;
}

template <class E>
requires std::is_enum_v<E>
struct YamlValue<E> {
  static std::string type() { return "name"; }
  static std::string expected(const Limits&) {
    std::string names;
    for (const char* name : EnumNames<E>::kNames) names += (names.empty() ? "" : ", ") + std::string(name);
    return "one of " + names;
  }
  static const YamlNode* read(const YamlNode& node, const Limits&, E& value) {
    if (node.kind != YamlNode::Kind::kScalar) return &node;
    const std::optional<E> named = enum_named<E>(node.text);
    if (!named) return &node;
    value = *named;
    return nullptr;
  }
  static std::string print(E value) { return EnumNames<E>::kNames[static_cast<int>(value)]; }
};

}  // namespace lorica
