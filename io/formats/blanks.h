#pragma once
#include <algorithm>
#include <string_view>

namespace lorica {

/// What separates words and lines in files that people write.
constexpr std::string_view kBlanks = " \t\r\n";

inline bool is_blank(std::string_view text) { return text.find_first_not_of(kBlanks) == std::string_view::npos; }

/// `text` without blanks at its ends.
inline std::string_view trimmed(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

}  // namespace lorica
