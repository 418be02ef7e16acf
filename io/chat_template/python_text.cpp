#include "io/chat_template/python_text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "io/chat_template/text.h"

namespace lorica::jinja {

namespace {

constexpr int kMaxReprNesting = 2 * kMaxNesting;

void append_repr(std::string& out, const Value& value, Budget& budget, int nesting);

void append_items(std::string& out, const Values& items, Budget& budget, int nesting) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i != 0) out += ", ";
    append_repr(out, items[i], budget, nesting);
  }
}

void append_text(std::string& out, std::string_view text, Budget& budget) {
  budget.bytes(text.size());
  out += text;
}

void append_repr(std::string& out, const Value& value, Budget& budget, int nesting) {
  budget.step();
  if (nesting > kMaxReprNesting) throw Failure("values are nested too deeply to be printed");
  if (value.is_undefined()) {
    out += "Undefined";
  } else if (value.is_text()) {
    const std::string quoted = text_repr(value.text());
    append_text(out, value.is_markup() ? fmt::format("Markup({})", quoted) : quoted, budget);
  } else if (const auto* list = value.as<List>()) {
    out += '[';
    append_items(out, *list->items, budget, nesting + 1);
    out += ']';
  } else if (const auto* tuple = value.as<Tuple>()) {
    out += '(';
    append_items(out, *tuple->items, budget, nesting + 1);
    out += tuple->items->size() == 1 ? ",)" : ")";
  } else if (const auto* pairs = value.pairs()) {
    out += '{';
    for (size_t i = 0; i < pairs->size(); ++i) {
      if (i != 0) out += ", ";
      append_repr(out, (*pairs)[i].first, budget, nesting + 1);
      out += ": ";
      append_repr(out, (*pairs)[i].second, budget, nesting + 1);
    }
    out += '}';
  } else if (const auto* object = value.as<std::shared_ptr<Object>>()) {
    append_text(out, (*object)->repr(budget, nesting + 1), budget);
  } else {
    append_text(out, to_text(value, budget), budget);
  }
}

}  // namespace

std::string float_repr(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::scientific).ptr;
  const std::string_view shortest(buffer, end - buffer);
  const size_t e = shortest.find('e');
  int exponent = 0;
  std::from_chars(shortest.data() + e + (shortest[e + 1] == '+' ? 2 : 1), shortest.data() + shortest.size(), exponent);
  if (exponent < -4 || exponent >= 16) {
    return fmt::format("{}e{}{:02}", shortest.substr(0, e), exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  char plain[40];
  const auto plain_end = std::to_chars(plain, plain + sizeof(plain), number, std::chars_format::fixed).ptr;
  std::string text(plain, plain_end - plain);
  if (text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string text_repr(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const size_t size = code_point_size(text, at);
    const char32_t code = code_point_at(text, at);
    const auto number = static_cast<uint32_t>(code);
    if (code == static_cast<char32_t>(quote) || code == U'\\') {
      out += '\\';
      out += static_cast<char>(code);
    } else if (code == '\n') {
      out += "\\n";
    } else if (code == '\r') {
      out += "\\r";
    } else if (code == '\t') {
      out += "\\t";
    } else if (in_class(code, CharClass::printable)) {
      out += text.substr(at, size);
    } else {
      out += code < 0x100     ? fmt::format("\\x{:02x}", number)
             : code < 0x10000 ? fmt::format("\\u{:04x}", number)
                              : fmt::format("\\U{:08x}", number);
    }
    at += size;
  }
  return out += quote;
}

std::string repr(const Value& value, Budget& budget, int nesting) {
  std::string out;
  append_repr(out, value, budget, nesting);
  return out;
}

std::string to_text(const Value& value, Budget& budget) {
  if (value.is_text()) return value.text();
  if (value.is_undefined()) return "";
  if (value.is_none()) return "None";
  if (const auto* flag = value.as<bool>()) return *flag ? "True" : "False";
  if (const auto* number = value.as<int64_t>()) return fmt::format("{}", *number);
  if (const auto* real = value.as<double>()) return float_repr(*real);
  return repr(value, budget);
}

Text soft_text(const Value& value, Budget& budget) {
  if (const auto* text = value.as<Text>()) return *text;
  return Text{std::make_shared<const std::string>(to_text(value, budget))};
}

}  // namespace lorica::jinja
