#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "io/chat_template/python_text.h"
#include "io/chat_template/text.h"
#include "io/tokenizer/utf8.h"

namespace lorica::jinja {

namespace {

/// One conversion of a format, "%-08.3f" read apart.
struct Conversion {
  bool left = false, zero = false, plus = false, space = false, alternate = false;
  std::optional<std::string> key;
  size_t width = 0;
  std::optional<size_t> precision;
  char type = 0;
};

constexpr size_t kMaxPrecision = 400;

class PercentFormatter {
 public:
  PercentFormatter(const std::string& format, const Value& arguments, Budget& budget)
      : format_(format), arguments_(arguments), budget_(budget) {}

  std::string run() {
    while (at_ < format_.size()) {
      const char c = format_[at_++];
      if (c == '%') {
        convert(read_conversion());
      } else {
        out_ += c;
      }
    }
    const bool spare = arguments_.as<Tuple>() != nullptr
                           ? next_ < arguments_.items()->size()
                           : next_ == 0 && arguments_.pairs() == nullptr && arguments_.as<List>() == nullptr;
    if (spare) throw Failure("not all arguments converted during string formatting");
    return std::move(out_);
  }

 private:
  const Value& next_argument() {
    if (arguments_.as<Tuple>() != nullptr) {
      if (next_ >= arguments_.items()->size()) throw Failure("not enough arguments for format string");
      return (*arguments_.items())[next_++];
    }
    if (next_++ > 0) throw Failure("not enough arguments for format string");
    return arguments_;
  }

  const Value& argument(const Conversion& conversion) {
    if (!conversion.key) return next_argument();
    if (arguments_.pairs() == nullptr) throw Failure("format requires a mapping");
    for (const auto& [key, value] : *arguments_.pairs()) {
      if (key.is_text() && key.text() == *conversion.key) return value;
    }
    throw Failure(fmt::format("KeyError: {}", text_repr(*conversion.key)));
  }

  char peek() const {
    if (at_ >= format_.size()) throw Failure("incomplete format");
    return format_[at_];
  }

  size_t read_size(bool& negative) {
    size_t size = 0;
    if (peek() == '*') {
      ++at_;
      const auto given = next_argument().integer();
      if (!given) throw Failure("* wants int");
      negative = *given < 0;
      size = static_cast<size_t>(negative ? -(*given + 1) + 1 : *given);
    }
    while (at_ < format_.size() && peek() >= '0' && peek() <= '9') {
      size = size * 10 + static_cast<size_t>(format_[at_++] - '0');
      budget_.bytes(size > 1000 ? size : 0);
    }
    return size;
  }

  Conversion read_conversion() {
    Conversion conversion;
    if (peek() == '(') {
      const size_t close = format_.find(')', at_);
      if (close == std::string::npos) throw Failure("incomplete format key");
      conversion.key = format_.substr(at_ + 1, close - at_ - 1);
      at_ = close + 1;
    }
    for (; std::strchr("-0+ #", peek()) != nullptr && peek() != 0; ++at_) {
      switch (peek()) {
        case '-':
          conversion.left = true;
          break;
        case '0':
          conversion.zero = true;
          break;
        case '+':
          conversion.plus = true;
          break;
        case ' ':
          conversion.space = true;
          break;
        default:
          conversion.alternate = true;
      }
    }
    bool negative = false;
    conversion.width = read_size(negative);
    conversion.left = conversion.left || negative;
    if (peek() == '.') {
      ++at_;
      negative = false;
      const size_t precision = read_size(negative);
      conversion.precision = negative ? 0 : precision;
    }
    while (std::strchr("hlL", peek()) != nullptr && peek() != 0) ++at_;
    conversion.type = format_[at_++];
    return conversion;
  }

  void convert(const Conversion& conversion) {
    if (conversion.type == '%') {
      out_ += '%';
      return;
    }
    if (std::strchr("sradiuxXofFeEgGc", conversion.type) == nullptr || conversion.type == 0) {
      throw Failure(fmt::format("unsupported format character {}", text_repr(std::string(1, conversion.type))));
    }
    const Value& value = argument(conversion);
    if (std::strchr("sra", conversion.type) != nullptr) {
      std::string text = conversion.type == 's' ? to_text(value, budget_) : repr(value, budget_);
      if (conversion.precision) {
        const std::vector<size_t> offsets = code_point_offsets(text);
        if (*conversion.precision + 1 < offsets.size()) text.resize(offsets[*conversion.precision]);
      }
      pad("", text, conversion, false);
    } else if (conversion.type == 'c') {
      pad("", one_character(value), conversion, false);
    } else {
      refuse_undefined(value);
      const bool real = std::strchr("fFeEgG", conversion.type) != nullptr;
      real ? put_real(value, conversion) : put_integer(value, conversion);
    }
  }

  static std::string one_character(const Value& value) {
    std::string text;
    if (const auto code = value.integer(); code && *code >= 0 && *code <= 0x10FFFF) {
      utf8::append(text, static_cast<char32_t>(*code));
    } else if (value.is_text() && code_point_count(value.text()) == 1) {
      text = value.text();
    } else {
      throw Failure("%c requires int or char");
    }
    return text;
  }

  static std::string sign_of(bool negative, const Conversion& conversion) {
    return negative ? "-" : conversion.plus ? "+" : conversion.space ? " " : "";
  }

  void put_integer(const Value& value, const Conversion& conversion) {
    std::optional<int64_t> number = value.integer();
    if (const auto* real = value.as<double>(); real != nullptr && std::strchr("diu", conversion.type) != nullptr) {
      if (!(std::abs(*real) < 9.2e18)) throw Failure("the number is too large for %d");
      number = static_cast<int64_t>(*real);
    }
    if (!number) {
      throw Failure(fmt::format("%{} format: a real number is required, not {}", conversion.type, type_name(value)));
    }
    const uint64_t size = *number < 0 ? ~static_cast<uint64_t>(*number) + 1 : static_cast<uint64_t>(*number);
    std::string digits = conversion.type == 'x'   ? fmt::format("{:x}", size)
                         : conversion.type == 'X' ? fmt::format("{:X}", size)
                         : conversion.type == 'o' ? fmt::format("{:o}", size)
                                                  : fmt::format("{}", size);
    if (conversion.precision && digits.size() < *conversion.precision) {
      budget_.bytes(*conversion.precision);
      digits.insert(0, *conversion.precision - digits.size(), '0');
    }
    std::string prefix = sign_of(*number < 0, conversion);
    if (conversion.alternate && std::strchr("xXo", conversion.type) != nullptr)
      prefix += std::string("0") + conversion.type;
    pad(prefix, digits, conversion, true);
  }

  void put_real(const Value& value, const Conversion& conversion) {
    const std::optional<double> number = value.number();
    if (!number) throw Failure(fmt::format("must be real number, not {}", type_name(value)));
    const size_t precision = conversion.precision.value_or(6);
    if (precision > kMaxPrecision) throw Failure(fmt::format("a precision of {} digits is too large", precision));
    std::string format = std::string("%") + (conversion.alternate ? "#" : "") + ".*" + conversion.type;
    char buffer[kMaxPrecision + 400];
    std::snprintf(buffer, sizeof(buffer), format.c_str(), static_cast<int>(precision), std::abs(*number));
    pad(sign_of(std::signbit(*number) && !std::isnan(*number), conversion), buffer, conversion, true);
  }

  void pad(const std::string& prefix, const std::string& body, const Conversion& conversion, bool numeric) {
    const size_t used = prefix.size() + code_point_count(body);
    const size_t missing = conversion.width > used ? conversion.width - used : 0;
    budget_.bytes(missing + body.size());
    const bool zeros = numeric && conversion.zero && !conversion.left;
    if (!conversion.left && !zeros) out_.append(missing, ' ');
    out_ += prefix;
    if (zeros) out_.append(missing, '0');
    out_ += body;
    if (conversion.left) out_.append(missing, ' ');
  }

  const std::string& format_;
  const Value& arguments_;
  Budget& budget_;
  size_t at_ = 0;
  size_t next_ = 0;
  std::string out_;
};

}  // namespace

std::string percent_format(const std::string& format, const Value& arguments, Budget& budget) {
  budget.bytes(format.size());
  return PercentFormatter(format, arguments, budget).run();
}

}  // namespace lorica::jinja
