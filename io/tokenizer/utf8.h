#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lorica::utf8 {

/// One step of decoding. `size` bytes were read (at least 1). For a sequence that is not UTF-8, `valid` is false and
/// `size` is the longest prefix that could have begun a character, so that one U+FFFD stands for it (the Unicode
/// standard's "maximal subpart"). `truncated`: the text ended inside a sequence that was right so far.
struct Step {
  char32_t character = 0;
  uint8_t size = 1;
  bool valid = true;
  bool truncated = false;
};
Step decode(std::string_view text, size_t at);

/// The offset of the first byte that is not part of a UTF-8 character, or npos.
size_t find_invalid(std::string_view text);
inline bool is_valid(std::string_view text) { return find_invalid(text) == std::string_view::npos; }

/// Whether the byte begins a character, or is one by itself; the others continue one.
constexpr bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

void append(std::string& out, char32_t character);

/// Moves the whole characters of `pending` to `out`, one U+FFFD for each sequence that is not UTF-8. A sequence that
/// may still be completed by later bytes stays in `pending` unless `last`.
void take_lossy(std::string& pending, bool last, std::string& out);

/// Where the white space that ends at `at` begins, and where that which begins at `at` ends.
size_t skip_space_left(std::string_view text, size_t at);
size_t skip_space_right(std::string_view text, size_t at);

/// The last character before `at`, which is > 0 and on a character boundary of valid UTF-8.
char32_t before(std::string_view text, size_t at);

bool is_whitespace(char32_t c);  ///< Unicode White_Space

// Classes as the tokenizers package has them; see io/tokenizer/character_tables.h.
bool is_control(char32_t c);
bool is_mark(char32_t c);
bool is_nonspacing_mark(char32_t c);
bool is_numeric(char32_t c);
bool is_punctuation(char32_t c);
bool is_word(char32_t c);

/// Lower case of one character; of U+0130, which becomes two, the first.
char32_t to_lower(char32_t c);

}  // namespace lorica::utf8
