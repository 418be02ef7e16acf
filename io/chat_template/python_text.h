#pragma once
#include <string>
#include <string_view>

#include "io/chat_template/value.h"

namespace lorica::jinja {

/// Python's repr of a float: the shortest digits that read back to the same number, "1e+16" from 10^16 on, "inf",
/// "nan".
std::string float_repr(double number);
/// Python's repr of a str, with its choice of quotes.
std::string text_repr(std::string_view text);

/// Python's str(value): what `{{ value }}` prints. Throws Failure when the budget is spent.
std::string to_text(const Value& value, Budget& budget);
/// Python's repr(value). `nesting` guards against namespaces that hold themselves.
std::string repr(const Value& value, Budget& budget, int nesting = 0);

/// The value as a string that keeps its markup flag (MarkupSafe's soft_str).
Text soft_text(const Value& value, Budget& budget);

/// Python's `format % arguments`. Throws Failure for a wrong format or argument.
std::string percent_format(const std::string& format, const Value& arguments, Budget& budget);

/// json.dumps(value) with Transformers' choices for `tojson`.
struct JsonStyle {
  bool ensure_ascii = false;
  std::optional<std::string> indent;  ///< one level of it; absent: all on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};
/// Throws Failure "Object of type Undefined is not JSON serializable".
std::string to_json(const Value& value, const JsonStyle& style, Budget& budget);

}  // namespace lorica::jinja
