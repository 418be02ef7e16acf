#include "io/chat_template/text_search.h"

#include <algorithm>

namespace lorica::jinja {

namespace {

std::vector<std::string> split_at_space(const std::string& text, int64_t most, bool from_right) {
  std::vector<std::string> parts;
  std::string_view rest = strip(text, from_right ? Sides::right : Sides::left);
  const auto is_space_at = [&](size_t at) { return in_class(code_point_at(rest, at), CharClass::space); };
  while (!rest.empty()) {
    if (most >= 0 && static_cast<int64_t>(parts.size()) == most) {
      parts.emplace_back(rest);
      break;
    }
    if (from_right) {
      size_t start = rest.size();
      while (start > 0) {
        size_t before = start - 1;
        while (before > 0 && (rest[before] & 0xC0) == 0x80) --before;
        if (is_space_at(before)) break;
        start = before;
      }
      parts.emplace_back(rest.substr(start));
      rest = strip(rest.substr(0, start), Sides::right);
    } else {
      size_t end = 0;
      while (end < rest.size() && !is_space_at(end)) end += code_point_size(rest, end);
      parts.emplace_back(rest.substr(0, end));
      rest = strip(rest.substr(end), Sides::left);
    }
  }
  return parts;
}

}  // namespace

std::optional<SearchWindow> search_window(const std::string& text, const Value& start, const Value& stop) {
  if (start.is_none() && stop.is_none()) return SearchWindow{0, text};
  const std::vector<size_t> offsets = code_point_offsets(text);
  const auto size = static_cast<int64_t>(offsets.size()) - 1;
  const auto place = [&](const Value& given, int64_t fallback) {
    if (given.is_none()) return fallback;
    const auto number = given.integer();
    if (!number) throw Failure("slice indices must be integers or None or have an __index__ method");
    return *number < 0 ? std::max<int64_t>(*number + size, 0) : *number;
  };
  const int64_t from = place(start, 0), to = std::min(place(stop, size), size);
  if (from > size || from > to) return std::nullopt;
  const size_t offset = offsets[static_cast<size_t>(from)];
  return SearchWindow{offset, std::string_view(text).substr(offset, offsets[static_cast<size_t>(to)] - offset)};
}

std::string replace(const std::string& text, const std::string& from, const std::string& to, int64_t count,
                    Budget& budget) {
  budget.bytes(text.size());
  std::string out;
  size_t start = 0;
  const auto put = [&](size_t end) {
    budget.bytes(to.size());
    out.append(text, start, end - start);
    out += to;
  };
  if (from.empty()) {
    for (size_t at = 0; count != 0; --count) {
      put(at);
      start = at;
      if (at >= text.size()) break;
      at += code_point_size(text, at);
    }
  } else {
    for (size_t at = 0; count != 0 && (at = text.find(from, at)) != std::string::npos; --count) {
      put(at);
      start = at += from.size();
    }
  }
  return out.append(text, start);
}

std::vector<std::string> split(const std::string& text, const std::optional<std::string>& separator, int64_t most,
                               bool from_right) {
  std::vector<std::string> parts;
  if (!separator) {
    parts = split_at_space(text, most, from_right);
  } else if (separator->empty()) {
    throw Failure("empty separator");
  } else {
    std::string_view rest = text;
    for (; most < 0 || static_cast<int64_t>(parts.size()) < most;) {
      const size_t at = from_right ? rest.rfind(*separator) : rest.find(*separator);
      if (at == std::string_view::npos) break;
      const std::string_view behind = rest.substr(at + separator->size()), before = rest.substr(0, at);
      parts.emplace_back(from_right ? behind : before);
      rest = from_right ? before : behind;
    }
    parts.emplace_back(rest);
  }
  if (from_right) std::reverse(parts.begin(), parts.end());
  return parts;
}

bool all_of_class(std::string_view text, CharClass wanted, bool empty_result) {
  if (text.empty()) return empty_result;
  for (size_t at = 0; at < text.size(); at += code_point_size(text, at)) {
    if (!in_class(code_point_at(text, at), wanted)) return false;
  }
  return true;
}

bool has_case(std::string_view text, bool upper) {
  bool found = false;
  for (size_t at = 0; at < text.size(); at += code_point_size(text, at)) {
    const char32_t code = code_point_at(text, at);
    if (in_class(code, upper ? CharClass::lower : CharClass::upper) || in_class(code, CharClass::title)) return false;
    found = found || in_class(code, upper ? CharClass::upper : CharClass::lower);
  }
  return found;
}

bool is_title_case(std::string_view text) {
  bool found = false, inside_word = false;
  for (size_t at = 0; at < text.size(); at += code_point_size(text, at)) {
    const char32_t code = code_point_at(text, at);
    const bool raised = in_class(code, CharClass::upper) || in_class(code, CharClass::title);
    const bool low = in_class(code, CharClass::lower);
    if ((raised && inside_word) || (low && !inside_word)) return false;
    found = found || raised || low;
    inside_word = raised || low;
  }
  return found;
}

}  // namespace lorica::jinja
