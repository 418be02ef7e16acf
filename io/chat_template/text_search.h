#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/chat_template/runtime.h"
#include "io/chat_template/text.h"

namespace lorica::jinja {

/// text[start:stop] for find, count, startswith: where it begins in bytes, and what it is. None when start lies behind
/// the end.
struct SearchWindow {
  size_t offset;
  std::string_view text;
};
std::optional<SearchWindow> search_window(const std::string& text, const Value& start, const Value& stop);

/// str.replace; count < 0 replaces all. Charged to the budget before it is made.
std::string replace(const std::string& text, const std::string& from, const std::string& to, int64_t count,
                    Budget& budget);

/// str.split and str.rsplit; no separator: runs of white space. Throws Failure for an empty separator.
std::vector<std::string> split(const std::string& text, const std::optional<std::string>& separator, int64_t most,
                               bool from_right);

bool all_of_class(std::string_view text, CharClass wanted, bool empty_result);
/// str.isupper / str.islower.
bool has_case(std::string_view text, bool upper);
bool is_title_case(std::string_view text);

/// str.format and str.format_map.
Value format_method(Runtime& runtime, const Value& self, const CallArguments& arguments);
Value format_map_method(Runtime& runtime, const Value& self, const CallArguments& arguments);

}  // namespace lorica::jinja
