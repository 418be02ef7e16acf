#include "io/tokenizer/byte_alphabet.h"

#include <array>

#include "io/tokenizer/utf8.h"

namespace lorica {
namespace {

struct Alphabet {
  std::array<std::string, 256> characters;
  std::array<int16_t, 0x144> bytes;  // by code point, -1 where the character stands for no byte

  Alphabet() {
    bytes.fill(-1);
    char32_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte != 0xad);
      const char32_t character = printable ? static_cast<char32_t>(byte) : next++;
      utf8::append(characters[static_cast<size_t>(byte)], character);
      bytes[character] = static_cast<int16_t>(byte);
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet instance;
  return instance;
}

}  // namespace

std::string_view byte_character(uint8_t byte) { return alphabet().characters[byte]; }

bool append_bytes_of(std::string_view text, std::string& out) {
  const Alphabet& letters = alphabet();
  const size_t before = out.size();
  for (size_t at = 0; at < text.size();) {
    const utf8::Step step = utf8::decode(text, at);
    if (!step.valid || step.character >= letters.bytes.size() || letters.bytes[step.character] < 0) {
      out.resize(before);
      return false;
    }
    out += static_cast<char>(letters.bytes[step.character]);
    at += step.size;
  }
  return true;
}

}  // namespace lorica
