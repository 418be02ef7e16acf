#include "io/formats/printable.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace lorica {
namespace {

constexpr size_t kLongest = 120;

/// Bytes of the well-formed character that starts at `text`, or 0.
size_t character_bytes(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0}; };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return 0;
  // the second byte is narrower for some leads: it rules out overlong forms, surrogates and what is above U+10FFFF
  const uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < bytes; ++i)
    if ((byte(i) & 0xc0) != 0x80) return 0;
  return bytes;
}

}  // namespace

size_t utf8_prefix(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t bytes = character_bytes(text.substr(at));
    if (bytes == 0) break;
    at += bytes;
  }
  return at;
}

bool is_utf8(std::string_view text) { return utf8_prefix(text) == text.size(); }

std::string printable(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    if (at >= kLongest) return result + "...";
    const size_t bytes = character_bytes(text.substr(at));
    const auto lead = static_cast<uint8_t>(text[at]);
    if (bytes == 0 || lead < 0x20 || lead == 0x7f)
      result += fmt::format("\\x{:02x}", lead);
    else
      result += text.substr(at, bytes);
    at += std::max<size_t>(bytes, 1);
  }
  return result;
}

}  // namespace lorica
