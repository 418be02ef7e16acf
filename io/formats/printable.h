#pragma once
#include <string>
#include <string_view>

namespace lorica {

/// Text taken from a file, made safe for a one-line message: control characters and bytes that are not UTF-8 become
/// "\xNN", and what is longer than 120 bytes is cut and ends in "...".
std::string printable(std::string_view text);

/// Whether the bytes are well-formed UTF-8 (no overlong forms, no surrogates, nothing above U+10FFFF).
bool is_utf8(std::string_view text);

/// The offset of the first byte that is not part of well-formed UTF-8, or the size of the text.
size_t utf8_prefix(std::string_view text);

}  // namespace lorica
