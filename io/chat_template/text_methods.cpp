#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "io/chat_template/lookup.h"
#include "io/chat_template/python_text.h"
#include "io/chat_template/text.h"
#include "io/chat_template/text_search.h"

namespace lorica::jinja {

namespace {

/// A method without arguments that gives changed text.
template <std::string (*change)(std::string_view)>
Value changed(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments none("str method", arguments, {});
  return runtime.text(change(self.text()), self.is_markup());
}

std::string upper(std::string_view text) { return change_case(text, Case::upper); }
std::string lower(std::string_view text) { return change_case(text, Case::lower); }

std::string title(std::string_view text) {
  std::string out;
  bool inside_word = false;
  const std::vector<size_t> offsets = code_point_offsets(text);
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    const std::string_view one = text.substr(offsets[i], offsets[i + 1] - offsets[i]);
    out += change_case(one, inside_word ? Case::lower : Case::title);
    inside_word = in_class(code_point_at(one, 0), CharClass::cased);
  }
  return out;
}

std::string swap_case(std::string_view text) {
  std::string out;
  const std::vector<size_t> offsets = code_point_offsets(text);
  for (size_t i = 0; i + 1 < offsets.size(); ++i) {
    const std::string_view one = text.substr(offsets[i], offsets[i + 1] - offsets[i]);
    const bool is_upper = in_class(code_point_at(one, 0), CharClass::upper);
    out += change_case(one, is_upper ? Case::lower : Case::upper);
  }
  return out;
}

template <Sides sides>
Value stripped(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments bound("strip", arguments, {"chars"});
  return runtime.text(std::string(strip(self.text(), sides, bound.optional_text(0))), self.is_markup());
}

/// startswith and endswith: one string or a tuple of them, within self[start:stop].
template <bool at_start>
Value has_affix(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const char* name = at_start ? "startswith" : "endswith";
  const BoundArguments bound(name, arguments, {"prefix", "start", "end"});
  const auto window = search_window(self.text(), bound.value_or(1, Value()), bound.value_or(2, Value()));
  const auto matches = [&](const Value& affix) {
    if (!affix.is_text()) {
      refuse_undefined(affix);
      throw Failure(fmt::format("{} first arg must be str or a tuple of str, not {}", name, type_name(affix)));
    }
    runtime.budget.step();
    if (!window) return false;
    return at_start ? window->text.starts_with(affix.text()) : window->text.ends_with(affix.text());
  };
  const Value& affix = bound.required(0);
  if (affix.as<Tuple>() == nullptr) return matches(affix);
  return std::any_of(affix.items()->begin(), affix.items()->end(), matches);
}

template <bool from_right, bool must_find>
Value position(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments bound("find", arguments, {"sub", "start", "end"});
  const std::string& wanted = bound.required_text(0);
  runtime.budget.step(self.text().size() / 64);
  const auto window = search_window(self.text(), bound.value_or(1, Value()), bound.value_or(2, Value()));
  size_t at = std::string_view::npos;
  if (window) at = from_right ? window->text.rfind(wanted) : window->text.find(wanted);
  if (at != std::string_view::npos) {
    return static_cast<int64_t>(code_point_count(std::string_view(self.text()).substr(0, window->offset + at)));
  }
  if (must_find) throw Failure("substring not found");
  return -1;
}

Value count(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments bound("count", arguments, {"sub", "start", "end"});
  const std::string& wanted = bound.required_text(0);
  runtime.budget.step(self.text().size() / 16);
  const auto window = search_window(self.text(), bound.value_or(1, Value()), bound.value_or(2, Value()));
  if (!window) return 0;
  if (wanted.empty()) return static_cast<int64_t>(code_point_count(window->text)) + 1;
  int64_t found = 0;
  for (size_t at = 0; (at = window->text.find(wanted, at)) != std::string_view::npos; at += wanted.size()) ++found;
  return found;
}

Value replaced(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments bound("replace", arguments, {"old", "new", "count"});
  const std::string& by = bound.required_text(1);
  const bool escaped = self.is_markup() && !bound.required(1).is_markup();
  return Value(replace(self.text(), bound.required_text(0), escaped ? escape_html(by) : by, bound.integer(2, -1),
                       runtime.budget),
               self.is_markup());
}

Value pieces(Runtime& runtime, const Value& self, const std::vector<std::string>& parts) {
  runtime.budget.bytes(self.text().size());
  Values out;
  for (const std::string& part : parts) out.emplace_back(part, self.is_markup());
  return runtime.list(std::move(out));
}

template <bool from_right>
Value divided(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments bound(from_right ? "rsplit" : "split", arguments, {"sep", "maxsplit"});
  runtime.budget.bytes(self.text().size(), 4);
  return pieces(runtime, self, split(self.text(), bound.optional_text(0), bound.integer(1, -1), from_right));
}

Value lines(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments bound("splitlines", arguments, {"keepends"});
  return pieces(runtime, self, split_lines(self.text(), bound.flag(0, false)));
}

template <bool from_right>
Value partitioned(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments bound("partition", arguments, {"sep"});
  const std::string &text = self.text(), &separator = bound.required_text(0);
  if (separator.empty()) throw Failure("empty separator");
  const size_t at = from_right ? text.rfind(separator) : text.find(separator);
  const bool markup = self.is_markup();
  runtime.budget.bytes(text.size());
  if (at == std::string::npos) {
    const Value nothing(std::string(), markup);
    return from_right ? Value::tuple({nothing, nothing, self}) : Value::tuple({self, nothing, nothing});
  }
  return Value::tuple(
      {Value(text.substr(0, at), markup), Value(separator, markup), Value(text.substr(at + separator.size()), markup)});
}

Value joined(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments bound("join", arguments, {"iterable"});
  const SharedValues items = iterate(bound.required(0), runtime.budget);
  std::string out;
  for (size_t i = 0; i < items->size(); ++i) {
    const Value& item = (*items)[i];
    if (!item.is_text()) {
      throw Failure(fmt::format("sequence item {}: expected str instance, {} found", i, type_name(item)));
    }
    runtime.budget.bytes(self.text().size() + item.text().size());
    if (i != 0) out += self.text();
    out += self.is_markup() && !item.is_markup() ? escape_html(item.text()) : item.text();
  }
  return Value(std::move(out), self.is_markup());
}

template <bool prefix>
Value without_affix(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments bound(prefix ? "removeprefix" : "removesuffix", arguments, {"affix"});
  const std::string &text = self.text(), &affix = bound.required_text(0);
  const bool has = !affix.empty() && (prefix ? text.starts_with(affix) : text.ends_with(affix));
  if (!has) return self;
  return runtime.text(prefix ? text.substr(affix.size()) : text.substr(0, text.size() - affix.size()),
                      self.is_markup());
}

enum class Place { left, right, center };

template <Place place>
Value padded(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments bound("ljust", arguments, {"width", "fillchar"});
  const std::string fill = bound.optional_text(1).value_or(" ");
  if (code_point_count(fill) != 1) throw Failure("The fill character must be exactly one character long");
  const auto size = static_cast<int64_t>(code_point_count(self.text()));
  const int64_t missing = std::max<int64_t>(bound.required_integer(0) - size, 0);
  // CPython's rule for the odd one out in center().
  const int64_t before = place == Place::left    ? 0
                         : place == Place::right ? missing
                                                 : missing / 2 + (missing & bound.required_integer(0) & 1);
  runtime.budget.bytes(static_cast<size_t>(missing), fill.size());
  std::string out;
  for (int64_t i = 0; i < before; ++i) out += fill;
  out += self.text();
  for (int64_t i = before; i < missing; ++i) out += fill;
  return runtime.text(std::move(out), self.is_markup());
}

Value zero_filled(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments bound("zfill", arguments, {"width"});
  const auto size = static_cast<int64_t>(code_point_count(self.text()));
  const int64_t missing = std::max<int64_t>(bound.required_integer(0) - size, 0);
  runtime.budget.bytes(static_cast<size_t>(missing));
  std::string out = self.text();
  const bool has_sign = !out.empty() && (out[0] == '-' || out[0] == '+');
  out.insert(has_sign ? 1 : 0, static_cast<size_t>(missing), '0');
  return runtime.text(std::move(out), self.is_markup());
}

Value expanded_tabs(Runtime& runtime, const Value& self, const CallArguments& arguments) {
  const BoundArguments bound("expandtabs", arguments, {"tabsize"});
  const int64_t tab = bound.integer(0, 8);
  std::string out;
  int64_t column = 0;
  for (const char c : self.text()) {
    if (c == '\t') {
      const int64_t spaces = tab > 0 ? tab - column % tab : 0;
      runtime.budget.bytes(static_cast<size_t>(spaces));
      out.append(static_cast<size_t>(spaces), ' ');
      column += spaces;
    } else {
      out += c;
      if ((c & 0xC0) != 0x80) ++column;
      if (c == '\n' || c == '\r') column = 0;
    }
  }
  return runtime.text(std::move(out), self.is_markup());
}

/// isalpha and its kin: every code point in the class, and at least one.
template <CharClass wanted, bool empty_result = false>
Value all_in_class(Runtime& runtime, const Value& self, const CallArguments&) {
  runtime.budget.step(self.text().size() / 16);
  return all_of_class(self.text(), wanted, empty_result);
}

Value is_alphanumeric(Runtime& runtime, const Value& self, const CallArguments&) {
  runtime.budget.step(self.text().size() / 16);
  const std::vector<size_t> offsets = code_point_offsets(self.text());
  return offsets.size() > 1 && std::all_of(offsets.begin(), offsets.end() - 1, [&](size_t at) {
           const char32_t code = code_point_at(self.text(), at);
           return in_class(code, CharClass::letter) || in_class(code, CharClass::numeric);
         });
}

Value is_ascii(Runtime&, const Value& self, const CallArguments&) {
  return std::all_of(self.text().begin(), self.text().end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

Value is_identifier(Runtime&, const Value& self, const CallArguments&) {
  return all_of_class(self.text(), CharClass::word, false) &&
         !in_class(code_point_at(self.text(), 0), CharClass::numeric);
}

template <bool upper_case>
Value is_cased(Runtime& runtime, const Value& self, const CallArguments&) {
  runtime.budget.step(self.text().size() / 16);
  return has_case(self.text(), upper_case);
}

Value is_title(Runtime&, const Value& self, const CallArguments&) { return is_title_case(self.text()); }

}  // namespace

Method find_text_method(const std::string& name) {
  static const std::unordered_map<std::string, Method> kMethods = {
      {"upper", changed<upper>},
      {"lower", changed<lower>},
      {"casefold", changed<lower>},
      {"title", changed<title>},
      {"capitalize", changed<capitalize>},
      {"swapcase", changed<swap_case>},
      {"strip", stripped<Sides::both>},
      {"lstrip", stripped<Sides::left>},
      {"rstrip", stripped<Sides::right>},
      {"startswith", has_affix<true>},
      {"endswith", has_affix<false>},
      {"find", position<false, false>},
      {"rfind", position<true, false>},
      {"index", position<false, true>},
      {"rindex", position<true, true>},
      {"count", count},
      {"replace", replaced},
      {"split", divided<false>},
      {"rsplit", divided<true>},
      {"splitlines", lines},
      {"partition", partitioned<false>},
      {"rpartition", partitioned<true>},
      {"join", joined},
      {"removeprefix", without_affix<true>},
      {"removesuffix", without_affix<false>},
      {"ljust", padded<Place::left>},
      {"rjust", padded<Place::right>},
      {"center", padded<Place::center>},
      {"zfill", zero_filled},
      {"expandtabs", expanded_tabs},
      {"isalpha", all_in_class<CharClass::letter>},
      {"isdecimal", all_in_class<CharClass::decimal>},
      {"isdigit", all_in_class<CharClass::digit>},
      {"isnumeric", all_in_class<CharClass::numeric>},
      {"isspace", all_in_class<CharClass::space>},
      {"isprintable", all_in_class<CharClass::printable, true>},
      {"isalnum", is_alphanumeric},
      {"isascii", is_ascii},
      {"isidentifier", is_identifier},
      {"isupper", is_cased<true>},
      {"islower", is_cased<false>},
      {"istitle", is_title},
      {"format", format_method},
      {"format_map", format_map_method},
  };
  const auto found = kMethods.find(name);
  return found == kMethods.end() ? nullptr : found->second;
}

}  // namespace lorica::jinja
