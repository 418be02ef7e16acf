#include "io/formats/printable.h"

#include <fmt/format.h>

#include <cstdint>

#include "io/tokenizer/utf8.h"

namespace lorica {
namespace {

constexpr size_t kLongest = 120;

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    if (at >= kLongest) return result + "...";
    const utf8::Step step = utf8::decode(text, at);
    const size_t bytes = step.valid ? step.size : 1;
    if (!step.valid || step.character < 0x20 || step.character == 0x7f)
      result += fmt::format("\\x{:02x}", static_cast<uint8_t>(text[at]));
    else
      result += text.substr(at, bytes);
    at += bytes;
  }
  return result;
}

}  // namespace lorica
