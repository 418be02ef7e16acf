#include "io/tokenizer/utf8.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>

#include "io/tokenizer/character_tables.h"

namespace lorica::utf8 {
namespace {

bool is_in(const std::vector<characters::Range>& table, char32_t c) {
  const auto after = std::upper_bound(table.begin(), table.end(), c,
                                      [](char32_t code, const characters::Range& range) { return code < range.first; });
  return after != table.begin() && c <= std::prev(after)->last;
}

}  // namespace

Step decode(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {.character = lead};
  if (lead < 0xc2 || lead > 0xf4) return {.valid = false};
  const uint8_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // The second byte's range rules out overlong forms, surrogates and values above U+10FFFF.
  const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  char32_t character = lead & (0x7f >> length);
  for (uint8_t i = 1; i < length; ++i) {
    if (at + i >= text.size()) return {.size = i, .valid = false, .truncated = true};
    const unsigned char next = byte(i);
    if (next < (i == 1 ? low : 0x80) || next > (i == 1 ? high : 0xbf)) return {.size = i, .valid = false};
    character = character << 6 | (next & 0x3f);
  }
  return {.character = character, .size = length};
}

size_t find_invalid(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    if (at + 8 <= text.size()) {
      uint64_t word;
      std::memcpy(&word, text.data() + at, 8);
      if ((word & 0x8080808080808080u) == 0) {
        at += 8;
        continue;
      }
    }
    const Step step = decode(text, at);
    if (!step.valid) return at;
    at += step.size;
  }
  return std::string_view::npos;
}

void append(std::string& out, char32_t c) {
  const auto put = [&](char32_t value) { out += static_cast<char>(value); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6), put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 0x3f)), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
  }
}

void take_lossy(std::string& pending, bool last, std::string& out) {
  size_t at = 0;
  while (at < pending.size()) {
    const Step step = decode(pending, at);
    if (step.truncated && !last) break;
    if (step.valid)
      out.append(pending, at, step.size);
    else
      append(out, 0xfffd);
    at += step.size;
  }
  pending.erase(0, at);
}

char32_t before(std::string_view text, size_t at) {
  size_t start = at - 1;
  while (start > 0 && !begins_character(text[start])) --start;
  return decode(text, start).character;
}

bool is_whitespace(char32_t c) {
  return (c >= 0x9 && c <= 0xd) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

size_t skip_space_left(std::string_view text, size_t at) {
  while (at > 0) {
    const char32_t c = before(text, at);
    if (!is_whitespace(c)) break;
    do --at;
    while (!begins_character(text[at]));
  }
  return at;
}

size_t skip_space_right(std::string_view text, size_t at) {
  while (at < text.size()) {
    const Step step = decode(text, at);
    if (!is_whitespace(step.character)) break;
    at += step.size;
  }
  return at;
}

bool is_control(char32_t c) { return is_in(characters::kControl, c); }
bool is_mark(char32_t c) { return is_in(characters::kMark, c); }
bool is_nonspacing_mark(char32_t c) { return is_in(characters::kNonspacingMark, c); }
bool is_numeric(char32_t c) { return is_in(characters::kNumeric, c); }
bool is_punctuation(char32_t c) { return is_in(characters::kPunctuation, c); }
bool is_word(char32_t c) { return is_in(characters::kWord, c); }

char32_t to_lower(char32_t c) {
  // Pairs that Unicode 16 and 17 brought, which utf8proc may not have yet.
  constexpr struct {
    char32_t first, last, lower_of_first;
  } kNewPairs[] = {{0x1c89, 0x1c89, 0x1c8a},   {0xa7cb, 0xa7cb, 0x264},  {0xa7cc, 0xa7cc, 0xa7cd},
                   {0xa7ce, 0xa7ce, 0xa7cf},   {0xa7d2, 0xa7d2, 0xa7d3}, {0xa7d4, 0xa7d4, 0xa7d5},
                   {0xa7da, 0xa7da, 0xa7db},   {0xa7dc, 0xa7dc, 0x19b},  {0x10d50, 0x10d65, 0x10d70},
                   {0x16ea0, 0x16eb8, 0x16ebb}};
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 0x20 : c;
  for (const auto& pairs : kNewPairs)
    if (c >= pairs.first && c <= pairs.last) return pairs.lower_of_first + (c - pairs.first);
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

}  // namespace lorica::utf8
