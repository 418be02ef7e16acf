#pragma once
#include <string>
#include <string_view>

namespace lorica {

/// Text taken from a file, made safe for a one-line message: control characters and bytes that are not UTF-8 become
/// "\xNN", and what is longer than 120 bytes is cut and ends in "...".
std::string printable(std::string_view text);

}  // namespace lorica
