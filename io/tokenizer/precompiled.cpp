#include "io/tokenizer/precompiled.h"

#include <utf8proc.h>

#include <cstring>

#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace lorica {
namespace {

std::string decode_base64(const JsonNode& node) {
  std::string bytes;
  uint32_t bits = 0;
  int held = 0;
  std::string_view text = node.string();
  while (text.ends_with('=')) text.remove_suffix(1);
  for (const char c : text) {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t value = kDigits.find(c);
    if (value == std::string_view::npos) node.fail("is not base64");
    bits = bits << 6 | static_cast<uint32_t>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>(bits >> held & 0xff);
  }
  return bytes;
}

// The bytes of the grapheme cluster that `text` begins with.
size_t grapheme_size(std::string_view text) {
  utf8proc_int32_t state = 0;
  utf8::Step step = utf8::decode(text, 0);
  size_t size = step.size;
  while (size < text.size()) {
    const utf8::Step next = utf8::decode(text, size);
    if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(step.character),
                                         static_cast<utf8proc_int32_t>(next.character), &state))
      break;
    size += next.size;
    step = next;
  }
  return size;
}

class Precompiled final : public Normalizer {
 public:
  explicit Precompiled(CharacterMap map) : map_(std::move(map)) {}

  bool apply(std::string& text, MatchMemory&) const override {
    constexpr size_t kLongestWhole = 5;
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
      const std::string_view grapheme =
          std::string_view(text).substr(at, grapheme_size(std::string_view(text).substr(at)));
      at += grapheme.size();
      if (grapheme.size() <= kLongestWhole && replace(grapheme, out)) continue;
      for (size_t i = 0; i < grapheme.size();) {
        const std::string_view character = grapheme.substr(i, utf8::decode(grapheme, i).size);
        if (!replace(character, out)) out += character;
        i += character.size();
      }
    }
    text = std::move(out);
    return true;  // the package aligns the new text with the old one's beginning, whatever went
  }

 private:
  bool replace(std::string_view part, std::string& out) const {
    const auto match = map_.find_shortest(part);
    if (match) out += match->replacement;
    return match.has_value();
  }

  CharacterMap map_;
};

}  // namespace

CharacterMap::CharacterMap(std::string_view blob) {
  uint32_t size = 0;
  if (blob.size() < sizeof size) throw Error("the character map is cut short");
  std::memcpy(&size, blob.data(), sizeof size);
  blob.remove_prefix(sizeof size);
  if (size > blob.size() || size % sizeof(uint32_t) != 0 || size == 0)
    throw Error("the character map gives {} bytes to its trie and {} follow", size, blob.size());
  units_.resize(size / sizeof(uint32_t));
  std::memcpy(units_.data(), blob.data(), size);
  replacements_ = blob.substr(size);
  if (utf8::find_invalid(replacements_) != std::string::npos) throw Error("the character map's text is not UTF-8");
}

// A unit of the trie: an offset to its children, a label to check, a flag that one of them holds a value.
template <class F>
void CharacterMap::each_match(std::string_view text, F f) const {
  const auto offset = [](uint32_t unit) -> size_t { return (unit >> 10) << ((unit & 1u << 9) >> 6); };
  size_t at = offset(units_[0]);
  for (size_t i = 0; i < text.size() && text[i] != '\0'; ++i) {
    at ^= static_cast<unsigned char>(text[i]);
    if (at >= units_.size()) return;
    const uint32_t unit = units_[at];
    if ((unit & 0x800000ffu) != static_cast<unsigned char>(text[i])) return;
    at ^= offset(unit);
    if (!(unit >> 8 & 1)) continue;
    if (at >= units_.size()) return;
    const size_t begin = units_[at] & 0x7fffffffu;
    if (begin >= replacements_.size()) return;
    const size_t end = std::min(replacements_.find('\0', begin), replacements_.size());
    if (!f(Match{i + 1, std::string_view(replacements_).substr(begin, end - begin)})) return;
  }
}

std::optional<CharacterMap::Match> CharacterMap::find_shortest(std::string_view text) const {
  std::optional<Match> found;
  each_match(text, [&](const Match& match) {
    found = match;
    return false;
  });
  return found;
}

std::optional<CharacterMap::Match> CharacterMap::find_longest(std::string_view text) const {
  std::optional<Match> found;
  each_match(text, [&](const Match& match) {
    found = match;
    return true;
  });
  return found;
}

std::unique_ptr<Normalizer> read_precompiled(const JsonNode& node) {
  node.allow_only({"type", "precompiled_charsmap"});
  const JsonNode map = node.at("precompiled_charsmap");
  const std::string blob = decode_base64(map);
  try {
    return std::make_unique<Precompiled>(CharacterMap(blob));
  } catch (const Error& error) {
    map.fail(error.what());
  }
}

}  // namespace lorica
