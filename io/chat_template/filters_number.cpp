#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "io/chat_template/filters.h"
#include "io/chat_template/operators.h"
#include "io/chat_template/python_text.h"
#include "io/chat_template/text.h"

namespace lorica::jinja {

namespace {

/// Digits with Python's rules for underscores and surrounding white space removed; none when they are broken.
std::optional<std::string> plain_number(const std::string& given) {
  const std::string_view text = strip(given, Sides::both);
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digit_at = [&](size_t at) {
      return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at])) != 0;
    };
    if (text[i] != '_') {
      out += text[i];
    } else if (i == 0 || !digit_at(i - 1) || !digit_at(i + 1)) {
      return std::nullopt;
    }
  }
  return out;
}

/// Python's int(text, base).
std::optional<int64_t> parse_integer(const std::string& given, int64_t base) {
  const auto number = plain_number(given);
  if (!number || base == 1 || base < 0 || base > 36) return std::nullopt;
  std::string_view text = *number;
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.size() > 2 && text[0] == '0') {
    const char mark = static_cast<char>(text[1] | 0x20);
    const int marked = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
    if (marked != 0 && (base == marked || base == 0)) {
      base = marked;
      text.remove_prefix(2);
    }
  }
  if (base == 0 && text.size() > 1 && text[0] == '0' && text.find_first_not_of('0') != std::string_view::npos) {
    return std::nullopt;
  }
  int64_t result = 0;
  const std::string digits = (negative ? "-" : "") + std::string(text);
  if (text.empty() || text[0] == '-' || text[0] == '+') return std::nullopt;
  const auto read =
      std::from_chars(digits.data(), digits.data() + digits.size(), result, base == 0 ? 10 : static_cast<int>(base));
  if (read.ptr != digits.data() + digits.size()) return std::nullopt;
  if (read.ec == std::errc::result_out_of_range)
    throw Failure(fmt::format("the integer {} does not fit 64 bits", given));
  return read.ec == std::errc() ? std::optional(result) : std::nullopt;
}

/// Python's float(text).
std::optional<double> parse_real(const std::string& given) {
  const auto number = plain_number(given);
  if (!number) return std::nullopt;
  std::string_view text = *number;
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const bool is_word = change_case(text, Case::lower) == "inf" || change_case(text, Case::lower) == "infinity" ||
                       change_case(text, Case::lower) == "nan";
  const bool starts_number =
      !text.empty() && (std::isdigit(static_cast<unsigned char>(text[0])) != 0 || text[0] == '.');
  if (!is_word && !starts_number) return std::nullopt;
  double result = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), result);
  if (read.ptr != text.data() + text.size()) return std::nullopt;
  if (read.ec == std::errc::result_out_of_range) result = std::strtod(std::string(text).c_str(), nullptr);
  return negative ? -result : result;
}

std::optional<int64_t> truncated(double real) {
  if (!std::isfinite(real)) return std::nullopt;
  if (std::abs(real) >= 0x1p63) throw Failure("the number does not fit a 64-bit integer");
  return static_cast<int64_t>(real);
}

Value to_integer(Runtime&, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("int", arguments, {"default", "base"});
  const Value fallback = bound.value_or(0, 0);
  refuse_undefined(operand);
  if (const auto number = operand.integer()) return *number;
  std::optional<double> real = operand.number();
  if (operand.is_text()) {
    if (const auto number = parse_integer(operand.text(), bound.integer(1, 10))) return *number;
    real = parse_real(operand.text());
  }
  if (!real) return fallback;
  const auto whole = truncated(*real);
  if (!whole && !operand.is_text() && std::isinf(*real)) throw Failure("cannot convert float infinity to integer");
  return whole ? Value(*whole) : fallback;
}

Value to_real(Runtime&, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("float", arguments, {"default"});
  refuse_undefined(operand);
  if (const auto number = operand.number()) return *number;
  if (operand.is_text()) {
    if (const auto real = parse_real(operand.text())) return *real;
  }
  return bound.value_or(0, 0.0);
}

Value absolute(Runtime& runtime, const Value& operand, const CallArguments& arguments) {
  const BoundArguments none("abs", arguments, {});
  refuse_undefined(operand);
  if (!operand.number()) throw Failure(fmt::format("bad operand type for abs(): '{}'", type_name(operand)));
  const bool negative =
      operand.as<double>() != nullptr ? std::signbit(*operand.number()) : less(operand, Value(0), runtime.budget);
  return negative ? negate(operand) : positive(operand);
}

/// Python rounds the decimal value exactly, halves to even: the digits of printf are exact, so they decide.
double round_real(double real, int64_t digits) {
  if (!std::isfinite(real) || digits > 323) return real;
  if (digits < -308) return std::copysign(0.0, real);
  if (digits >= 0) return std::strtod(fmt::format("{:.{}f}", real, digits).c_str(), nullptr);
  const double scale = std::pow(10.0, static_cast<double>(-digits));
  return std::nearbyint(real / scale) * scale;
}

int64_t round_integer(int64_t number, int64_t digits) {
  if (digits >= 0) return number;
  if (digits < -18) return 0;
  int64_t unit = 1;
  for (int64_t i = 0; i < -digits; ++i) unit *= 10;
  const int64_t rest = number % unit, base = number - rest;
  const int64_t twice = std::abs(rest) - (unit - std::abs(rest));
  const bool up = twice > 0 || (twice == 0 && (base / unit) % 2 != 0);
  return up ? base + (number < 0 ? -unit : unit) : base;
}

Value round(Runtime&, const Value& operand, const CallArguments& arguments) {
  const BoundArguments bound("round", arguments, {"precision", "method"});
  const std::string method = bound.optional_text(1).value_or("common");
  const int64_t precision = bound.integer(0, 0);
  if (method != "common" && method != "ceil" && method != "floor")
    throw Failure("method must be common, ceil or floor");
  refuse_undefined(operand);
  if (!operand.number()) throw Failure(fmt::format("type {} doesn't define __round__ method", type_name(operand)));
  if (method == "common") {
    if (const auto number = operand.integer()) return round_integer(*number, precision);
    return round_real(*operand.number(), precision);
  }
  if (std::abs(precision) > 300) throw Failure(fmt::format("a precision of {} is too large", precision));
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = *operand.number() * scale;
  if (!std::isfinite(scaled)) throw Failure("cannot convert float infinity to integer");
  return (method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale;
}

}  // namespace

FilterTable number_filters() { return {{"int", to_integer}, {"float", to_real}, {"abs", absolute}, {"round", round}}; }

}  // namespace lorica::jinja
