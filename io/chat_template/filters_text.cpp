#include <fmt/format.h>

#include <algorithm>

#include "io/chat_template/filters.h"
#include "io/chat_template/lookup.h"
#include "io/chat_template/python_text.h"
#include "io/chat_template/text.h"
#include "io/chat_template/text_search.h"

namespace lorica::jinja {

namespace {

/// The filters that are a str method of the operand's text: upper, lower, capitalize, trim, center.
Value by_method(Runtime& runtime, const char* method, const Value& operand, const CallArguments& arguments) {
  const Value text(soft_text(operand, runtime.budget));
  return find_text_method(method)(runtime, text, arguments);
}

Value upper(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  return by_method(runtime, "upper", operand, arguments);
}
Value lower(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  return by_method(runtime, "lower", operand, arguments);
}
Value capitalized(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  return by_method(runtime, "capitalize", operand, arguments);
}
Value trim(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  return by_method(runtime, "strip", operand, arguments);
}

Value center(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("center", arguments, {"width"});
  return by_method(runtime, "center", operand, {{bound.value_or(0, 80)}, {}});
}

/// Jinja's own title(): words also begin behind - ( { [ and <.
Value title(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("title", arguments, {});
  const Text text = soft_text(operand, runtime.budget);
  std::string out, word;
  const auto put_word = [&] {
    if (word.empty()) return;
    const size_t first = code_point_size(word, 0);
    out += change_case(word.substr(0, first), Case::upper) + change_case(word.substr(first), Case::lower);
    word.clear();
  };
  for (size_t at = 0; at < text.bytes->size();) {
    const size_t size = code_point_size(*text.bytes, at);
    const char32_t code = code_point_at(*text.bytes, at);
    const bool breaks =
        in_class(code, CharClass::space) || std::u32string_view(U"-({[<").find(code) != std::u32string_view::npos;
    if (breaks) {
      put_word();
      out.append(*text.bytes, at, size);
    } else {
      word.append(*text.bytes, at, size);
    }
    at += size;
  }
  put_word();
  return runtime.text(std::move(out));
}

Value string(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("string", arguments, {});
  return soft_text(operand, runtime.budget);
}

Value safe(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("safe", arguments, {});
  return runtime.text(to_text(operand, runtime.budget), true);
}

Value escape(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("escape", arguments, {});
  if (operand.is_markup()) return operand;
  return runtime.text(escape_html(to_text(operand, runtime.budget)), true);
}

Value force_escape(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("forceescape", arguments, {});
  return runtime.text(escape_html(to_text(operand, runtime.budget)), true);
}

Value replaced(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("replace", arguments, {"old", "new", "count"});
  const std::string from = to_text(bound.required(0), runtime.budget), to = to_text(bound.required(1), runtime.budget);
  const bool all = !bound.has(2) || bound.required(2).is_none();
  return Value(
      replace(to_text(operand, runtime.budget), from, to, all ? -1 : bound.required_integer(2), runtime.budget));
}

Value format(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    throw Failure("can't handle positional and keyword arguments at the same time");
  }
  const Text text = soft_text(operand, runtime.budget);
  if (arguments.named.empty()) {
    return Value(percent_format(*text.bytes, Value::tuple(arguments.positional), runtime.budget), text.markup);
  }
  DictItems items;
  for (const auto& [name, value] : arguments.named) items.pairs.emplace_back(name, value);
  return Value(percent_format(*text.bytes, Value::dict(std::move(items)), runtime.budget), text.markup);
}

Value indent(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("indent", arguments, {"width", "first", "blank"});
  refuse_undefined(operand);
  if (!operand.is_text()) throw Failure(fmt::format("indent() needs str, not {}", type_name(operand)));
  const Value& width = bound.value_or(0, 4);
  const int64_t spaces = width.is_text() ? 0 : std::max<int64_t>(bound.integer(0, 4), 0);
  runtime.budget.bytes(static_cast<size_t>(spaces));
  const std::string indention = width.is_text() ? width.text() : std::string(static_cast<size_t>(spaces), ' ');
  const bool blank = bound.flag(2, false);
  const std::vector<std::string> lines = split_lines(operand.text() + "\n");
  std::string out = bound.flag(1, false) ? indention : "";
  for (size_t i = 0; i < lines.size(); ++i) {
    runtime.budget.bytes(lines[i].size() + indention.size() + 1);
    if (i != 0) out += '\n';
    if (i != 0 && (blank || !lines[i].empty())) out += indention;
    out += lines[i];
  }
  return Value(std::move(out), operand.is_markup());
}

Value truncate(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("truncate", arguments, {"length", "killwords", "end", "leeway"});
  const Text text = soft_text(operand, runtime.budget);
  const std::string end = bound.optional_text(2).value_or("...");
  const int64_t length = bound.integer(0, 255);
  const int64_t leeway = bound.has(3) && !bound.required(3).is_none() ? bound.required_integer(3) : 5;
  const auto end_size = static_cast<int64_t>(code_point_count(end));
  if (length < end_size) throw Failure(fmt::format("expected length >= {}, got {}", end_size, length));
  if (leeway < 0) throw Failure(fmt::format("expected leeway >= 0, got {}", leeway));
  const std::vector<size_t> offsets = code_point_offsets(*text.bytes);
  if (static_cast<int64_t>(offsets.size()) - 1 - length <= leeway) return text;
  std::string kept = text.bytes->substr(0, offsets[static_cast<size_t>(length - end_size)]);
  if (!bound.flag(1, false)) kept = kept.substr(0, kept.rfind(' '));
  return runtime.text(kept + end, text.markup);
}

Value word_count(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("wordcount", arguments, {});
  const Text text = soft_text(operand, runtime.budget);
  int64_t count = 0;
  bool inside = false;
  for (size_t at = 0; at < text.bytes->size(); at += code_point_size(*text.bytes, at)) {
    const char32_t code = code_point_at(*text.bytes, at);
    const bool word = code == '_' || in_class(code, CharClass::letter) || in_class(code, CharClass::numeric);
    if (word && !inside) ++count;
    inside = word;
  }
  return count;
}

Value to_json_text(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ensure_ascii = bound.flag(0, false);
  style.sort_keys = bound.flag(3, false);
  if (bound.has(1) && !bound.required(1).is_none()) {
    const Value& indention = bound.required(1);
    const int64_t spaces = indention.is_text() ? 0 : std::max<int64_t>(bound.required_integer(1), 0);
    runtime.budget.bytes(static_cast<size_t>(spaces));
    style.indent = indention.is_text() ? indention.text() : std::string(static_cast<size_t>(spaces), ' ');
    style.item_separator = ",";
  }
  if (bound.has(2) && !bound.required(2).is_none()) {
    const Values* pair = bound.required(2).items();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_text() || !(*pair)[1].is_text()) {
      throw Failure("tojson: separators must be a pair of strings");
    }
    style.item_separator = (*pair)[0].text();
    style.key_separator = (*pair)[1].text();
  }
  return Value(to_json(operand, style, runtime.budget));
}

}  // namespace

FilterTable text_filters() {
  return {{"upper", upper},
          {"lower", lower},
          {"capitalize", capitalized},
          {"trim", trim},
          {"center", center},
          {"title", title},
          {"string", string},
          {"safe", safe},
          {"escape", escape},
          {"e", escape},
          {"forceescape", force_escape},
          {"replace", replaced},
          {"format", format},
          {"indent", indent},
          {"truncate", truncate},
          {"wordcount", word_count},
          {"tojson", to_json_text}};
}

}  // namespace lorica::jinja
