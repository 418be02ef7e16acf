#pragma once
#include <string>
#include <string_view>

namespace lorica::jinja {

/// The value of a string literal, given without its quotes: Python's escapes, an unknown one left as it is. Throws
/// Failure with the line for a broken \x, \u or \U, or one that is no character.
std::string unescape_literal(std::string_view literal, int line);

}  // namespace lorica::jinja
