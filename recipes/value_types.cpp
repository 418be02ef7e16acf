#include "recipes/value_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace lorica {
namespace {

using Kind = YamlNode::Kind;

/// A number is a plain scalar that is one number to its last character.
template <class T>
bool read_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

template <class T>
bool read_number(const YamlNode& node, T& value) {
  return node.kind == Kind::kScalar && !node.quoted && read_number(std::string_view(node.text), value);
}

/// "5" or "20-29"
bool read_layers(const std::string& text, std::vector<int>& layers) {
  const size_t dash = text.find('-');
  int first = -1, last = -1;
  if (!read_number(std::string_view(text).substr(0, dash), first)) return false;
  last = first;
  if (dash != std::string::npos && !read_number(std::string_view(text).substr(dash + 1), last)) return false;
  if (first < 0 || last < first || last > YamlValue<std::vector<int>>::kMaxLayer) return false;
  for (int layer = first; layer <= last; ++layer) layers.push_back(layer);
  return true;
}

}  // namespace

bool Limits::hold(double value) const {
  return (low_excluded ? value > low : value >= low) && (high_excluded ? value < high : value <= high);
}

std::string Limits::text() const {
  const bool has_low = std::isfinite(low), has_high = std::isfinite(high);
  if (has_low && has_high && !low_excluded && !high_excluded) return fmt::format(" from {} to {}", low, high);
  std::string text;
  if (has_low) text += (low_excluded ? " above " : " of at least ") + fmt::format("{}", low);
  if (has_low && has_high) text += " and";
  if (has_high) text += (high_excluded ? " below " : " of at most ") + fmt::format("{}", high);
  return text;
}

const YamlNode* YamlValue<std::string>::read(const YamlNode& node, const Limits& limits, std::string& value) {
  if (node.kind != Kind::kScalar || (limits.non_empty && node.text.empty())) return &node;
  value = node.text;
  return nullptr;
}

const YamlNode* YamlValue<bool>::read(const YamlNode& node, const Limits&, bool& value) {
  if (node.kind != Kind::kScalar || node.quoted) return &node;
  if (node.text != "true" && node.text != "True" && node.text != "false" && node.text != "False") return &node;
  value = node.text[0] == 't' || node.text[0] == 'T';
  return nullptr;
}

const YamlNode* YamlValue<int64_t>::read(const YamlNode& node, const Limits& limits, int64_t& value) {
  return read_number(node, value) && limits.hold(static_cast<double>(value)) ? nullptr : &node;
}

const YamlNode* YamlValue<double>::read(const YamlNode& node, const Limits& limits, double& value) {
  return read_number(node, value) && std::isfinite(value) && limits.hold(value) ? nullptr : &node;
}

std::string YamlValue<double>::print(double value) { return fmt::format("{}", value); }

const YamlNode* YamlValue<std::vector<std::string>>::read(const YamlNode& node, const Limits& limits,
                                                          std::vector<std::string>& value) {
  value.clear();
  if (node.kind == Kind::kScalar && !node.text.empty()) {
    value.push_back(node.text);
    return nullptr;
  }
  if (node.kind != Kind::kList || (limits.non_empty && node.items.empty())) return &node;
  for (const auto& item : node.items) {
    if (item->kind != Kind::kScalar || item->text.empty()) return item.get();
    value.push_back(item->text);
  }
  return nullptr;
}

std::string YamlValue<std::vector<std::string>>::print(const std::vector<std::string>& value) {
  if (value.size() == 1) return yaml_quoted(value[0]);
  std::string text;
  for (const std::string& item : value) text += (text.empty() ? "" : ", ") + yaml_quoted(item);
  return "[" + text + "]";
}

const YamlNode* YamlValue<std::vector<int>>::read(const YamlNode& node, const Limits&, std::vector<int>& value) {
  value.clear();
  if (node.kind == Kind::kScalar) {
    if (!read_layers(node.text, value)) return &node;
  } else if (node.kind != Kind::kList) {
    return &node;
  }
  for (const auto& item : node.items) {
    // a list longer than there are layers repeats itself: bounds the work on a hostile file
    if (item->kind != Kind::kScalar || value.size() > 100 * kMaxLayer || !read_layers(item->text, value))
      return item.get();
  }
  std::sort(value.begin(), value.end());
  value.erase(std::unique(value.begin(), value.end()), value.end());
  return nullptr;
}

std::string YamlValue<std::vector<int>>::print(const std::vector<int>& value) {
  std::string text;
  for (size_t first = 0; first < value.size();) {
    size_t last = first;
    while (last + 1 < value.size() && value[last + 1] == value[last] + 1) ++last;
    if (!text.empty()) text += ", ";
    text += first == last ? fmt::format("{}", value[first]) : fmt::format("{}-{}", value[first], value[last]);
    first = last + 1;
  }
  return "[" + text + "]";
}

namespace {

struct Unit {
  char letter;
  int64_t seconds;
};
constexpr Unit kUnits[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
constexpr double kLongestTime = 365.0 * 86400;

}  // namespace

const YamlNode* YamlDuration::read(const YamlNode& node, const Limits&, double& seconds) {
  if (node.kind != Kind::kScalar) return &node;
  std::string_view rest = node.text;
  seconds = 0;
  for (const Unit& unit : kUnits) {  // each unit at most once, the largest first
    const size_t digits = rest.find_first_not_of("0123456789.");
    if (digits == std::string_view::npos || rest[digits] != unit.letter) continue;
    double count = 0;
    if (!read_number(rest.substr(0, digits), count)) return &node;
    seconds += count * static_cast<double>(unit.seconds);
    rest.remove_prefix(digits + 1);
  }
  return rest.empty() && seconds > 0 && seconds <= kLongestTime ? nullptr : &node;
}

std::string YamlDuration::print(double seconds) {
  int64_t whole = static_cast<int64_t>(seconds);
  if (static_cast<double>(whole) != seconds) {
    char digits[512];  // the shortest digits that read back as the same number, without an exponent
    char* const end = std::to_chars(digits, digits + sizeof digits, seconds, std::chars_format::fixed).ptr;
    return std::string(digits, end) + "s";
  }
  std::string text;
  for (const Unit& unit : kUnits) {
    if (whole >= unit.seconds) text += fmt::format("{}{}", whole / unit.seconds, unit.letter);
    whole %= unit.seconds;
  }
  return text;
}

}  // namespace lorica
