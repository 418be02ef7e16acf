#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace lorica {

/// GPT-2's alphabet: each of the 256 bytes written as one printable character, so that any text becomes a string
/// without spaces or control characters. Printable Latin-1 bytes stand for themselves, the others for U+0100 on.

/// The character that stands for `byte`, in UTF-8.
std::string_view byte_character(uint8_t byte);

/// The bytes that the characters of `text` stand for. Returns false, with `out` as it was, when one stands for none.
bool append_bytes_of(std::string_view text, std::string& out);

}  // namespace lorica
