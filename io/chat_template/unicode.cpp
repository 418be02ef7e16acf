#include "io/chat_template/unicode.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <locale.h>
#include <pcre2.h>
#include <wctype.h>

#include <algorithm>
#include <array>
#include <memory>

#include "io/tokenizer/utf8.h"
#include "kernels/error.h"

namespace lorica::jinja {

namespace {

/// Special casing of the Unicode standard (SpecialCasing.txt, the unconditional rows): code, upper, title.
struct SeveralLetters {
  char32_t code;
  const char *upper, *title;
};
constexpr SeveralLetters kSeveral[] = {{0xDF, "SS", "Ss"},
                                       {0x149, "ʼN", "ʼN"},
                                       {0x1F0, "J\u030C", "J\u030C"},
                                       {0x390, "\u0399\u0308\u0301", "\u0399\u0308\u0301"},
                                       {0x3B0, "\u03A5\u0308\u0301", "\u03A5\u0308\u0301"},
                                       {0x587, "ԵՒ", "Եւ"},
                                       {0x1E96, "H\u0331", "H\u0331"},
                                       {0x1E97, "T\u0308", "T\u0308"},
                                       {0x1E98, "W\u030A", "W\u030A"},
                                       {0x1E99, "Y\u030A", "Y\u030A"},
                                       {0x1E9A, "Aʾ", "Aʾ"},
                                       {0x1F50, "\u03A5\u0313", "\u03A5\u0313"},
                                       {0x1F52, "\u03A5\u0313\u0300", "\u03A5\u0313\u0300"},
                                       {0x1F54, "\u03A5\u0313\u0301", "\u03A5\u0313\u0301"},
                                       {0x1F56, "\u03A5\u0313\u0342", "\u03A5\u0313\u0342"},
                                       {0x1F80, "ἈΙ", "ᾈ"},
                                       {0x1F81, "ἉΙ", "ᾉ"},
                                       {0x1F82, "ἊΙ", "ᾊ"},
                                       {0x1F83, "ἋΙ", "ᾋ"},
                                       {0x1F84, "ἌΙ", "ᾌ"},
                                       {0x1F85, "ἍΙ", "ᾍ"},
                                       {0x1F86, "ἎΙ", "ᾎ"},
                                       {0x1F87, "ἏΙ", "ᾏ"},
                                       {0x1F88, "ἈΙ", "ᾈ"},
                                       {0x1F89, "ἉΙ", "ᾉ"},
                                       {0x1F8A, "ἊΙ", "ᾊ"},
                                       {0x1F8B, "ἋΙ", "ᾋ"},
                                       {0x1F8C, "ἌΙ", "ᾌ"},
                                       {0x1F8D, "ἍΙ", "ᾍ"},
                                       {0x1F8E, "ἎΙ", "ᾎ"},
                                       {0x1F8F, "ἏΙ", "ᾏ"},
                                       {0x1F90, "ἨΙ", "ᾘ"},
                                       {0x1F91, "ἩΙ", "ᾙ"},
                                       {0x1F92, "ἪΙ", "ᾚ"},
                                       {0x1F93, "ἫΙ", "ᾛ"},
                                       {0x1F94, "ἬΙ", "ᾜ"},
                                       {0x1F95, "ἭΙ", "ᾝ"},
                                       {0x1F96, "ἮΙ", "ᾞ"},
                                       {0x1F97, "ἯΙ", "ᾟ"},
                                       {0x1F98, "ἨΙ", "ᾘ"},
                                       {0x1F99, "ἩΙ", "ᾙ"},
                                       {0x1F9A, "ἪΙ", "ᾚ"},
                                       {0x1F9B, "ἫΙ", "ᾛ"},
                                       {0x1F9C, "ἬΙ", "ᾜ"},
                                       {0x1F9D, "ἭΙ", "ᾝ"},
                                       {0x1F9E, "ἮΙ", "ᾞ"},
                                       {0x1F9F, "ἯΙ", "ᾟ"},
                                       {0x1FA0, "ὨΙ", "ᾨ"},
                                       {0x1FA1, "ὩΙ", "ᾩ"},
                                       {0x1FA2, "ὪΙ", "ᾪ"},
                                       {0x1FA3, "ὫΙ", "ᾫ"},
                                       {0x1FA4, "ὬΙ", "ᾬ"},
                                       {0x1FA5, "ὭΙ", "ᾭ"},
                                       {0x1FA6, "ὮΙ", "ᾮ"},
                                       {0x1FA7, "ὯΙ", "ᾯ"},
                                       {0x1FA8, "ὨΙ", "ᾨ"},
                                       {0x1FA9, "ὩΙ", "ᾩ"},
                                       {0x1FAA, "ὪΙ", "ᾪ"},
                                       {0x1FAB, "ὫΙ", "ᾫ"},
                                       {0x1FAC, "ὬΙ", "ᾬ"},
                                       {0x1FAD, "ὭΙ", "ᾭ"},
                                       {0x1FAE, "ὮΙ", "ᾮ"},
                                       {0x1FAF, "ὯΙ", "ᾯ"},
                                       {0x1FB2, "ᾺΙ", "\u1FBA\u0345"},
                                       {0x1FB3, "ΑΙ", "ᾼ"},
                                       {0x1FB4, "ΆΙ", "\u0386\u0345"},
                                       {0x1FB6, "\u0391\u0342", "\u0391\u0342"},
                                       {0x1FB7, "\u0391\u0342\u0399", "\u0391\u0342\u0345"},
                                       {0x1FBC, "ΑΙ", "ᾼ"},
                                       {0x1FC2, "ῊΙ", "\u1FCA\u0345"},
                                       {0x1FC3, "ΗΙ", "ῌ"},
                                       {0x1FC4, "ΉΙ", "\u0389\u0345"},
                                       {0x1FC6, "\u0397\u0342", "\u0397\u0342"},
                                       {0x1FC7, "\u0397\u0342\u0399", "\u0397\u0342\u0345"},
                                       {0x1FCC, "ΗΙ", "ῌ"},
                                       {0x1FD2, "\u0399\u0308\u0300", "\u0399\u0308\u0300"},
                                       {0x1FD3, "\u0399\u0308\u0301", "\u0399\u0308\u0301"},
                                       {0x1FD6, "\u0399\u0342", "\u0399\u0342"},
                                       {0x1FD7, "\u0399\u0308\u0342", "\u0399\u0308\u0342"},
                                       {0x1FE2, "\u03A5\u0308\u0300", "\u03A5\u0308\u0300"},
                                       {0x1FE3, "\u03A5\u0308\u0301", "\u03A5\u0308\u0301"},
                                       {0x1FE4, "\u03A1\u0313", "\u03A1\u0313"},
                                       {0x1FE6, "\u03A5\u0342", "\u03A5\u0342"},
                                       {0x1FE7, "\u03A5\u0308\u0342", "\u03A5\u0308\u0342"},
                                       {0x1FF2, "ῺΙ", "\u1FFA\u0345"},
                                       {0x1FF3, "ΩΙ", "ῼ"},
                                       {0x1FF4, "ΏΙ", "\u038F\u0345"},
                                       {0x1FF6, "\u03A9\u0342", "\u03A9\u0342"},
                                       {0x1FF7, "\u03A9\u0342\u0399", "\u03A9\u0342\u0345"},
                                       {0x1FFC, "ΩΙ", "ῼ"},
                                       {0xFB00, "FF", "Ff"},
                                       {0xFB01, "FI", "Fi"},
                                       {0xFB02, "FL", "Fl"},
                                       {0xFB03, "FFI", "Ffi"},
                                       {0xFB04, "FFL", "Ffl"},
                                       {0xFB05, "ST", "St"},
                                       {0xFB06, "ST", "St"},
                                       {0xFB13, "ՄՆ", "Մն"},
                                       {0xFB14, "ՄԵ", "Մե"},
                                       {0xFB15, "ՄԻ", "Մի"},
                                       {0xFB16, "ՎՆ", "Վն"},
                                       {0xFB17, "ՄԽ", "Մխ"}};

/// The C.UTF-8 locale carries the simple case mappings of the C library's Unicode version.
locale_t unicode_locale() {
  static const locale_t locale = [] {
    for (const char* name : {"C.UTF-8", "C.utf8", "en_US.UTF-8"}) {
      if (const locale_t found = newlocale(LC_CTYPE_MASK, name, nullptr)) return found;
    }
    throw RunError("chat templates: this system has no UTF-8 locale (C.UTF-8)");
  }();
  return locale;
}

struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeMatch {
  void operator()(pcre2_match_data* match) const { pcre2_match_data_free(match); }
};
using Pattern = std::unique_ptr<pcre2_code, FreeCode>;

Pattern compile(const char* pattern) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern), PCRE2_ZERO_TERMINATED,
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED | PCRE2_DOTALL, &error, &offset, nullptr);
  if (code == nullptr) throw RunError("chat templates: PCRE2 refuses the character class {} ({})", pattern, error);
  return Pattern(code);
}

bool matches(const Pattern& pattern, char32_t code) {
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
  std::string text;
  utf8::append(text, code);
  thread_local const std::unique_ptr<pcre2_match_data, FreeMatch> match(pcre2_match_data_create(1, nullptr));
  return pcre2_match(pattern.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0, match.get(),
                     nullptr) >= 0;
}

bool is_space(char32_t code) {
  return (code >= 0x09 && code <= 0x0D) || (code >= 0x1C && code <= 0x20) || code == 0x85 || code == 0xA0 ||
         code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029 || code == 0x202F ||
         code == 0x205F || code == 0x3000;
}

}  // namespace

bool in_class(char32_t code, CharClass wanted) {
  if (wanted == CharClass::space) return is_space(code);
  if (code < 0x80) {
    const auto c = static_cast<char>(code);
    const bool lower = c >= 'a' && c <= 'z', upper = c >= 'A' && c <= 'Z', digit = c >= '0' && c <= '9';
    switch (wanted) {
      case CharClass::word:
        return lower || upper || digit || c == '_';
      case CharClass::printable:
        return c >= ' ' && c < 0x7F;
      case CharClass::letter:
      case CharClass::cased:
        return lower || upper;
      case CharClass::lower:
        return lower;
      case CharClass::upper:
        return upper;
      case CharClass::title:
        return false;
      default:
        return digit;
    }
  }
  static const std::array<Pattern, 10> kPatterns = {
      compile("[\\p{L}\\p{M}\\p{N}\\p{Pc}]"),
      compile("[^\\p{C}\\p{Z}]"),
      compile("\\p{L}"),
      compile("\\p{Ll}"),
      compile("\\p{Lu}"),
      compile("\\p{Lt}"),
      compile("[\\p{Ll}\\p{Lu}\\p{Lt}]"),
      compile("\\p{Nd}"),
      compile("[\\p{Nd}\\x{b2}\\x{b3}\\x{b9}\\x{2070}-\\x{2079}\\x{2080}-\\x{2089}\\x{2460}-\\x{2468}]"),
      compile("\\p{N}")};
  return matches(kPatterns[static_cast<size_t>(wanted) - 1], code);
}

char32_t simple_case(char32_t code, Case wanted) {
  if (code < 0x80) {
    if (wanted == Case::lower) return code >= U'A' && code <= U'Z' ? code + 32 : code;
    return code >= U'a' && code <= U'z' ? code - 32 : code;
  }
  const locale_t locale = unicode_locale();
  const auto wide = static_cast<wint_t>(code);
  if (wanted == Case::lower) return static_cast<char32_t>(towlower_l(wide, locale));
  if (wanted == Case::upper) return static_cast<char32_t>(towupper_l(wide, locale));
  static const wctrans_t to_title = wctrans_l("totitle", locale);
  return static_cast<char32_t>(to_title == 0 ? towupper_l(wide, locale) : towctrans_l(wide, to_title, locale));
}

const char* several_letter_case(char32_t code, Case wanted) {
  const auto* found =
      std::lower_bound(std::begin(kSeveral), std::end(kSeveral), code,
                       [](const SeveralLetters& row, char32_t wanted_code) { return row.code < wanted_code; });
  if (found == std::end(kSeveral) || found->code != code) return nullptr;
  return wanted == Case::upper ? found->upper : found->title;
}

bool is_case_ignorable(char32_t code) {
  static const Pattern pattern =
      compile("[\\p{Mn}\\p{Me}\\p{Cf}\\p{Lm}\\p{Sk}'.:\\x{b7}\\x{2018}\\x{2019}\\x{2024}\\x{2027}]");
  return matches(pattern, code);
}

}  // namespace lorica::jinja
