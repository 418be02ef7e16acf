#include "io/chat_template/text.h"

#include "io/chat_template/unicode.h"
#include "io/tokenizer/utf8.h"

namespace lorica::jinja {

namespace {

bool is_continuation(std::string_view text, size_t at) {
  return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
}

constexpr char32_t kCombiningDotAbove = 0x307;
constexpr char32_t kCapitalSigma = 0x3A3;
constexpr char32_t kFinalSigma = 0x3C2;
constexpr char32_t kSmallSigma = 0x3C3;

/// Capital sigma becomes a final sigma after a letter when no letter follows; apostrophes and marks in between are
/// skipped.
bool is_final_sigma(std::string_view text, const std::vector<size_t>& offsets, size_t index) {
  const auto letter_beside = [&](int step) {
    for (size_t at = index + step; at < offsets.size() - 1; at += step) {
      const char32_t code = code_point_at(text, offsets[at]);
      if (is_case_ignorable(code)) continue;
      return in_class(code, CharClass::cased);
    }
    return false;
  };
  return letter_beside(-1) && !letter_beside(1);
}

void append_lower(std::string& out, std::string_view text, const std::vector<size_t>& offsets, size_t index) {
  const char32_t code = code_point_at(text, offsets[index]);
  if (code == kCapitalSigma) {
    utf8::append(out, is_final_sigma(text, offsets, index) ? kFinalSigma : kSmallSigma);
  } else if (code == 0x130) {
    utf8::append(out, U'i');
    utf8::append(out, kCombiningDotAbove);
  } else {
    utf8::append(out, simple_case(code, Case::lower));
  }
}

void append_raised(std::string& out, char32_t code, Case wanted) {
  if (const char* several = several_letter_case(code, wanted)) {
    out += several;
  } else {
    utf8::append(out, simple_case(code, wanted));
  }
}

}  // namespace

size_t code_point_size(std::string_view text, size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  size_t size = 1;
  while (size < wanted && is_continuation(text, at + size)) ++size;
  return size == wanted ? wanted : 1;
}

char32_t code_point_at(std::string_view text, size_t at) {
  const size_t size = code_point_size(text, at);
  const auto lead = static_cast<unsigned char>(text[at]);
  if (size == 1) return lead;
  char32_t code = lead & (0xFF >> (size + 1));
  for (size_t i = 1; i < size; ++i) code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3F);
  return code;
}

size_t code_point_count(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); at += code_point_size(text, at)) ++count;
  return count;
}

std::vector<size_t> code_point_offsets(std::string_view text) {
  std::vector<size_t> offsets;
  for (size_t at = 0; at < text.size(); at += code_point_size(text, at)) offsets.push_back(at);
  offsets.push_back(text.size());
  return offsets;
}

std::string change_case(std::string_view text, Case wanted) {
  std::string out;
  out.reserve(text.size());
  const std::vector<size_t> offsets = code_point_offsets(text);
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    if (wanted == Case::lower) {
      append_lower(out, text, offsets, i);
    } else {
      append_raised(out, code_point_at(text, offsets[i]), wanted);
    }
  }
  return out;
}

std::string capitalize(std::string_view text) {
  if (text.empty()) return "";
  std::string out;
  append_raised(out, code_point_at(text, 0), Case::title);
  const std::vector<size_t> offsets = code_point_offsets(text);
  for (size_t i = 1; i + 1 < offsets.size(); ++i) append_lower(out, text, offsets, i);
  return out;
}

std::string_view strip(std::string_view text, Sides sides, const std::optional<std::string>& characters) {
  const auto goes = [&](std::string_view one) {
    if (!characters) return in_class(code_point_at(one, 0), CharClass::space);
    for (size_t at = 0; at < characters->size();) {
      const size_t size = code_point_size(*characters, at);
      if (std::string_view(*characters).substr(at, size) == one) return true;
      at += size;
    }
    return false;
  };
  if (sides != Sides::right) {
    while (!text.empty()) {
      const size_t size = code_point_size(text, 0);
      if (!goes(text.substr(0, size))) break;
      text.remove_prefix(size);
    }
  }
  if (sides != Sides::left) {
    while (!text.empty()) {
      size_t start = text.size() - 1;
      while (start > 0 && text.size() - start < 4 && is_continuation(text, start)) --start;
      if (code_point_size(text, start) != text.size() - start) start = text.size() - 1;
      if (!goes(text.substr(start))) break;
      text = text.substr(0, start);
    }
  }
  return text;
}

std::vector<std::string> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string> lines;
  size_t start = 0;
  for (size_t at = 0; at < text.size();) {
    size_t size = code_point_size(text, at);
    const char32_t code = code_point_at(text, at);
    const bool ends = (code >= 0x0A && code <= 0x0D) || (code >= 0x1C && code <= 0x1E) || code == 0x85 ||
                      code == 0x2028 || code == 0x2029;
    if (!ends) {
      at += size;
      continue;
    }
    if (code == '\r' && at + 1 < text.size() && text[at + 1] == '\n') size = 2;
    lines.emplace_back(text.substr(start, (keep_ends ? at + size : at) - start));
    at += size;
    start = at;
  }
  if (start < text.size()) lines.emplace_back(text.substr(start));
  return lines;
}

std::string escape_html(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace lorica::jinja
