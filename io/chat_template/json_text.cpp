#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/chat_template/python_text.h"
#include "io/chat_template/text.h"

namespace lorica::jinja {

namespace {

void append_escape(std::string& out, char32_t code) {
  if (code >= 0x10000) {
    const uint32_t rest = static_cast<uint32_t>(code) - 0x10000;
    out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
  } else {
    out += fmt::format("\\u{:04x}", static_cast<uint32_t>(code));
  }
}

class JsonWriter {
 public:
  JsonWriter(const JsonStyle& style, Budget& budget) : style_(style), budget_(budget) {}

  std::string take() { return std::move(out_); }

  void write(const Value& value, size_t level) {
    budget_.step();
    if (value.is_text()) {
      write_text(value.text());
    } else if (value.is_none()) {
      out_ += "null";
    } else if (const auto* flag = value.as<bool>()) {
      out_ += *flag ? "true" : "false";
    } else if (const auto* number = value.as<int64_t>()) {
      out_ += fmt::format("{}", *number);
    } else if (const auto* real = value.as<double>()) {
      out_ += real_text(*real);
    } else if (const Values* items = value.items()) {
      write_items(*items, level);
    } else if (const auto* pairs = value.pairs()) {
      write_pairs(*pairs, level);
    } else {
      throw Failure(fmt::format("Object of type {} is not JSON serializable", type_name(value)));
    }
  }

 private:
  static std::string real_text(double real) {
    if (std::isnan(real)) return "NaN";
    if (std::isinf(real)) return real < 0 ? "-Infinity" : "Infinity";
    return float_repr(real);
  }

  void write_text(std::string_view text) {
    budget_.bytes(text.size() + 2);
    out_ += '"';
    for (size_t at = 0; at < text.size();) {
      const size_t size = code_point_size(text, at);
      const char32_t code = code_point_at(text, at);
      switch (code) {
        case '"':
          out_ += "\\\"";
          break;
        case '\\':
          out_ += "\\\\";
          break;
        case '\n':
          out_ += "\\n";
          break;
        case '\r':
          out_ += "\\r";
          break;
        case '\t':
          out_ += "\\t";
          break;
        case '\f':
          out_ += "\\f";
          break;
        case '\b':
          out_ += "\\b";
          break;
        default:
          if (code < 0x20 || (style_.ensure_ascii && code >= 0x7F)) {
            append_escape(out_, code);
          } else {
            out_ += text.substr(at, size);
          }
      }
      at += size;
    }
    out_ += '"';
  }

  void new_line(size_t level) {
    if (!style_.indent) return;
    budget_.bytes(level + 1, style_.indent->size() + 1);
    out_ += '\n';
    for (size_t i = 0; i < level; ++i) out_ += *style_.indent;
  }

  void write_items(const Values& items, size_t level) {
    out_ += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      if (i != 0) separate();
      new_line(level + 1);
      write(items[i], level + 1);
    }
    if (!items.empty()) new_line(level);
    out_ += ']';
  }

  void write_pairs(std::vector<std::pair<Value, Value>> pairs, size_t level) {
    if (style_.sort_keys) sort_by_key(pairs);
    out_ += '{';
    for (size_t i = 0; i < pairs.size(); ++i) {
      if (i != 0) separate();
      new_line(level + 1);
      write_text(key_text(pairs[i].first));
      budget_.bytes(style_.key_separator.size());
      out_ += style_.key_separator;
      write(pairs[i].second, level + 1);
    }
    if (!pairs.empty()) new_line(level);
    out_ += '}';
  }

  void separate() {
    budget_.bytes(style_.item_separator.size());
    out_ += style_.item_separator;
  }

  static std::string key_text(const Value& key) {
    if (key.is_text()) return key.text();
    if (key.is_none()) return "null";
    if (const auto* flag = key.as<bool>()) return *flag ? "true" : "false";
    if (const auto* number = key.as<int64_t>()) return fmt::format("{}", *number);
    if (const auto* real = key.as<double>()) return real_text(*real);
    throw Failure(fmt::format("keys must be str, int, float, bool or None, not {}", type_name(key)));
  }

  static void sort_by_key(std::vector<std::pair<Value, Value>>& pairs) {
    const bool all_text =
        std::all_of(pairs.begin(), pairs.end(), [](const auto& pair) { return pair.first.is_text(); });
    const bool all_numbers =
        std::all_of(pairs.begin(), pairs.end(), [](const auto& pair) { return pair.first.number().has_value(); });
    if (!all_text && !all_numbers) throw Failure("tojson with sort_keys: the keys are of different types");
    std::stable_sort(pairs.begin(), pairs.end(), [&](const auto& a, const auto& b) {
      return all_text ? a.first.text() < b.first.text() : *a.first.number() < *b.first.number();
    });
  }

  const JsonStyle& style_;
  Budget& budget_;
  std::string out_;
};

}  // namespace

std::string to_json(const Value& value, const JsonStyle& style, Budget& budget) {
  JsonWriter writer(style, budget);
  writer.write(value, 0);
  return writer.take();
}

}  // namespace lorica::jinja
