#pragma once
#include <cstddef>
#include <optional>
#include <string_view>

namespace lorica {

/// The first byte that does not belong to well-formed UTF-8 (Unicode 15, table 3-7: no overlong forms, no surrogates,
/// nothing above U+10FFFF), counted from 0; nothing where the text is well formed.
std::optional<size_t> first_invalid_utf8(std::string_view text);

}  // namespace lorica
