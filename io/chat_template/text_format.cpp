#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>

#include "io/chat_template/lookup.h"
#include "io/chat_template/operators.h"
#include "io/chat_template/python_text.h"
#include "io/chat_template/text_search.h"
#include "io/tokenizer/utf8.h"

namespace lorica::jinja {

namespace {

/// [[fill]align][sign][#][0][width][,][.precision][type]
struct Spec {
  std::string fill = " ";
  char align = 0, sign = '-', type = 0, grouping = 0;
  size_t width = 0;
  std::optional<size_t> precision;
  bool alternate = false;
};

constexpr size_t kMaxPrecision = 400;

bool is_align(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

size_t read_size(const std::string& text, size_t& at, Budget& budget) {
  size_t size = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    size = size * 10 + static_cast<size_t>(text[at] - '0');
    if (size > 1000) budget.bytes(size);
  }
  return size;
}

Spec read_spec(const std::string& text, Budget& budget) {
  Spec spec;
  size_t at = 0;
  const size_t first = text.empty() ? 0 : code_point_size(text, 0);
  if (first < text.size() && is_align(text[first])) {
    spec.fill = text.substr(0, first);
    spec.align = text[first];
    at = first + 1;
  } else if (!text.empty() && is_align(text[0])) {
    spec.align = text[at++];
  }
  const auto peek = [&] { return at < text.size() ? text[at] : '\0'; };
  if (peek() == '+' || peek() == '-' || peek() == ' ') spec.sign = text[at++];
  if (peek() == '#') spec.alternate = true, ++at;
  if (peek() == '0') {
    if (spec.align == 0) spec.align = '=', spec.fill = "0";
    ++at;
  }
  spec.width = read_size(text, at, budget);
  if (peek() == ',' || peek() == '_') spec.grouping = text[at++];
  if (peek() == '.') {
    const size_t digits = ++at;
    spec.precision = read_size(text, at, budget);
    if (at == digits) throw Failure("Format specifier missing precision");
  }
  if (at < text.size()) spec.type = text[at++];
  if (at < text.size()) throw Failure(fmt::format("Invalid format specifier '{}'", text));
  return spec;
}

std::string padded(const std::string& sign, const std::string& body, const Spec& spec, char natural, Budget& budget) {
  const size_t used = sign.size() + code_point_count(body);
  const size_t missing = spec.width > used ? spec.width - used : 0;
  budget.bytes(missing, spec.fill.size());
  const char align = spec.align == 0 ? natural : spec.align;
  const size_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  const auto fill = [&](size_t count) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += spec.fill;
    return out;
  };
  if (align == '=') return sign + fill(missing) + body;
  return fill(before) + sign + body + fill(missing - before);
}

std::string grouped(std::string digits, char separator) {
  if (separator == 0) return digits;
  const size_t end = std::min(digits.find_first_not_of("0123456789"), digits.size());
  for (size_t at = end; at > 3; at -= 3) digits.insert(at - 3, 1, separator);
  return digits;
}

std::string format_number(const Value& value, const Spec& spec, Budget& budget) {
  const bool real_type = std::strchr("eEfFgG%", spec.type) != nullptr && spec.type != 0;
  const auto whole = value.integer();
  std::string body, prefix;
  const bool negative = whole ? *whole < 0 : std::signbit(*value.number());
  if (whole && !real_type) {
    if (std::strchr("dxXobcn", spec.type) == nullptr || spec.precision) {
      throw Failure(fmt::format("Unknown format code '{}' for object of type 'int'", spec.type));
    }
    const uint64_t size = negative ? ~static_cast<uint64_t>(*whole) + 1 : static_cast<uint64_t>(*whole);
    if (spec.type == 'c') {
      if (negative || size > 0x10ffff) throw Failure("%c arg not in range(0x110000)");
      utf8::append(body, static_cast<char32_t>(size));
      return padded("", body, spec, '<', budget);
    }
    if (spec.alternate && spec.type != 0 && std::strchr("xXob", spec.type) != nullptr) prefix = {'0', spec.type};
    body = spec.type == 'x'   ? fmt::format("{:x}", size)
           : spec.type == 'X' ? fmt::format("{:X}", size)
           : spec.type == 'o' ? fmt::format("{:o}", size)
           : spec.type == 'b' ? fmt::format("{:b}", size)
                              : fmt::format("{}", size);
  } else {
    if (!real_type && spec.type != 0) {
      throw Failure(fmt::format("Unknown format code '{}' for object of type 'float'", spec.type));
    }
    const size_t precision = spec.precision.value_or(6);
    if (precision > kMaxPrecision) throw Failure(fmt::format("a precision of {} digits is too large", precision));
    const double size = std::abs(*value.number()) * (spec.type == '%' ? 100 : 1);
    if (spec.type == 0 && !spec.precision) {
      body = float_repr(size);
    } else {
      const char type = spec.type == '%' ? 'f' : spec.type == 0 ? 'g' : spec.type;
      const char pattern[] = {'%', '.', '*', type, '\0'};
      char buffer[kMaxPrecision + 400];
      std::snprintf(buffer, sizeof(buffer), pattern, static_cast<int>(precision), size);
      body = buffer;
      if (spec.type == 0 && body.find_first_of(".en") == std::string::npos) body += ".0";
    }
    if (spec.type == '%') body += '%';
  }
  const std::string sign = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  return padded(sign + prefix, grouped(std::move(body), spec.grouping), spec, '>', budget);
}

std::string format_value(const Value& value, const std::string& text, Budget& budget) {
  if (text.empty()) return to_text(value, budget);
  const Spec spec = read_spec(text, budget);
  if (value.number()) return format_number(value, spec, budget);
  if (!value.is_text()) {
    throw Failure(fmt::format("unsupported format string passed to {}.__format__", type_name(value)));
  }
  if ((spec.type != 0 && spec.type != 's') || spec.align == '=' || spec.grouping != 0) {
    throw Failure(fmt::format("Invalid format specifier '{}' for object of type '{}'", text, type_name(value)));
  }
  std::string body = to_text(value, budget);
  const std::vector<size_t> offsets = code_point_offsets(body);
  if (spec.precision && *spec.precision + 1 < offsets.size()) body.resize(offsets[*spec.precision]);
  return padded("", body, spec, '<', budget);
}

/// Fills the fields of one format string.
class Formatter {
 public:
  Formatter(Runtime& runtime, const Values& positional, const Value& named)
      : runtime_(runtime), positional_(positional), named_(named) {}

  std::string run(const std::string& text, int nesting = 2) {
    if (nesting == 0) throw Failure("Max string recursion exceeded");
    std::string out;
    for (size_t at = 0; at < text.size();) {
      const char c = text[at++];
      if (c != '{' && c != '}') {
        out += c;
      } else if (at < text.size() && text[at] == c) {
        out += c;
        ++at;
      } else if (c == '}') {
        throw Failure("Single '}' encountered in format string");
      } else {
        const size_t end = field_end(text, at);
        out += field(text.substr(at, end - at), nesting);
        at = end + 1;
      }
    }
    return out;
  }

 private:
  static size_t field_end(const std::string& text, size_t at) {
    int open = 1;
    for (; at < text.size(); ++at) {
      if (text[at] == '{') ++open;
      if (text[at] == '}' && --open == 0) return at;
    }
    throw Failure("expected '}' before end of string");
  }

  std::string field(const std::string& text, int nesting) {
    const size_t mark = text.find_first_of("!:");
    Value value = look_up(text.substr(0, mark));  // first: fields inside the specifier take the arguments behind it
    std::string spec;
    char conversion = 0;
    if (mark != std::string::npos) {
      size_t rest = mark;
      if (text[rest] == '!') {
        if (rest + 1 >= text.size()) throw Failure("end of string while looking for conversion specifier");
        conversion = text[rest + 1];
        rest += 2;
        if (rest < text.size() && text[rest] != ':') throw Failure("expected ':' after conversion specifier");
      }
      if (rest < text.size()) spec = run(text.substr(rest + 1), nesting - 1);
    }
    if (conversion == 'r') value = Value(repr(value, runtime_.budget));
    if (conversion == 's') value = Value(to_text(value, runtime_.budget));
    if (conversion != 0 && conversion != 'r' && conversion != 's') {
      throw Failure(fmt::format("Unknown conversion specifier {}", conversion));
    }
    return format_value(value, spec, runtime_.budget);
  }

  Value look_up(const std::string& name) {
    const size_t end = std::min(name.find_first_of(".["), name.size());
    Value value = argument(name.substr(0, end));
    for (size_t at = end; at < name.size();) {
      runtime_.budget.step();
      if (name[at] == '.') {
        const size_t stop = std::min(name.find_first_of(".[", at + 1), name.size());
        value = get_attribute(runtime_, value, name.substr(at + 1, stop - at - 1));
        at = stop;
      } else if (name[at] == '[') {
        const size_t stop = name.find(']', at);
        if (stop == std::string::npos) throw Failure("Missing ']' in format string");
        value = get_item(runtime_, value, key(name.substr(at + 1, stop - at - 1)));
        at = stop + 1;
      } else {
        throw Failure("Only '.' or '[' may follow ']' in format field specifier");
      }
    }
    return value;
  }

  static Value key(const std::string& text) {
    int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool whole = read.ec == std::errc() && read.ptr == text.data() + text.size() && text[0] != '-';
    return whole ? Value(number) : Value(text);
  }

  Value argument(const std::string& name) {
    const Value given = name.empty() ? Value(next_++) : key(name);
    if (const auto index = given.integer()) {
      const Numbering wanted = name.empty() ? Numbering::automatic : Numbering::manual;
      if (numbering_ != Numbering::open && numbering_ != wanted) {
        throw Failure(wanted == Numbering::manual
                          ? "cannot switch from automatic field numbering to manual field specification"
                          : "cannot switch from manual field specification to automatic field numbering");
      }
      numbering_ = wanted;
      if (*index >= static_cast<int64_t>(positional_.size())) {
        throw Failure("Replacement index out of range for positional args tuple");
      }
      return positional_[static_cast<size_t>(*index)];
    }
    const Value* found = find(named_, given, runtime_.budget);
    if (found == nullptr) throw Failure(fmt::format("KeyError: {}", text_repr(name)));
    return *found;
  }

  enum class Numbering { open, automatic, manual };

  Runtime& runtime_;
  const Values& positional_;
  const Value& named_;
  int64_t next_ = 0;
  Numbering numbering_ = Numbering::open;
};

}  // namespace

Value format_method(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  DictItems named;
  for (const auto& [name, value] : arguments.named) named.pairs.emplace_back(name, value);
  const Value mapping = Value::dict(std::move(named));
  return runtime.text(Formatter(runtime, arguments.positional, mapping).run(self.text()), self.is_markup());
}

Value format_map_method(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments bound("format_map", arguments, {"mapping"});
  if (bound.required(0).pairs() == nullptr) throw Failure("format_map() needs a dict");
  return runtime.text(Formatter(runtime, {}, bound.required(0)).run(self.text()), self.is_markup());
}

}  // namespace lorica::jinja
