#include <fmt/format.h>

#include <algorithm>

#include "io/data/records.h"
#include "io/formats/blanks.h"

namespace lorica {
namespace {

Fault broken(std::string message) { return {{Check::kBrokenFile, std::move(message)}}; }

/// A JSON text that is read and not yet parsed.
struct Span {
  std::string text;
  bool cut = false;  // it was longer than allowed
};

/// Consumes one JSON value by its brackets and quotes; whether it is valid is for the parser to say.
class ValueScanner {
 public:
  ValueScanner(ByteReader& bytes, size_t largest) : bytes_(bytes), largest_(largest) {}

  Span next() {
    span_ = {};
    depth_ = 0;
    in_text_ = escaped_ = false;
    for (bool done = false; !done;) {
      const std::string_view window = bytes_.window();
      if (window.empty()) {
        if (depth_ > 0 || in_text_) throw broken("the file ends inside a JSON value");
        break;
      }
      size_t count = 0;
      while (count < window.size() && !done) done = ends_with(window[count], count);
      keep(window.substr(0, count));
      bytes_.consume(count);
    }
    return std::move(span_);
  }

 private:
  /// Takes `c` in and counts it, or leaves it where it stands after the value; true where the value is complete.
  bool ends_with(char c, size_t& count) {
    if (in_text_) {
      ++count;
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_text_ = false;
        return depth_ == 0;
      }
      return false;
    }
    const bool bare = depth_ == 0;
    if (bare && (c == ',' || c == ']' || c == '}' || c == ':' || kBlanks.find(c) != std::string_view::npos))
      return true;
    ++count;
    if (c == '"') in_text_ = true;
    if (c == '[' || c == '{') ++depth_;
    if (c == ']' || c == '}') return --depth_ == 0;
    return false;
  }

  void keep(std::string_view part) {
    span_.cut = span_.cut || span_.text.size() + part.size() > largest_;
    if (!span_.cut) span_.text += part;
  }

  ByteReader& bytes_;
  const size_t largest_;
  Span span_;
  int64_t depth_ = 0;
  bool in_text_ = false, escaped_ = false;
};

std::string shown_byte(int byte) {
  if (byte < 0) return "the end of the file";
  return byte > 0x20 && byte < 0x7f ? fmt::format("'{}'", static_cast<char>(byte)) : fmt::format("byte 0x{:02x}", byte);
}

void expect(ByteReader& bytes, char wanted) {
  bytes.skip_blank();
  if (bytes.peek() != wanted) throw broken(fmt::format("expected '{}', got {}", wanted, shown_byte(bytes.peek())));
  bytes.consume(1);
}

/// Of several rows on one line the number tells which is meant.
Fault in_element(int64_t number, Fault fault) {
  fault.note.message = fmt::format("element {}: {}", number, fault.note.message);
  return fault;
}

void read_list(ByteReader& bytes, RowBuilder& rows, size_t largest) {
  expect(bytes, '[');
  bytes.skip_blank();
  if (bytes.peek() == ']') return bytes.consume(1);
  ValueScanner scanner(bytes, largest);
  for (int64_t number = 1;; ++number) {
    bytes.skip_blank();
    const int64_t line = bytes.line();
    const Span span = scanner.next();
    rows.add(line, [&] {
      try {
        if (span.cut) throw too_large(largest);
        return parse_json(span.text);
      } catch (Fault& fault) {
        throw in_element(number, std::move(fault));
      }
    });
    if (rows.stopped()) return;
    bytes.skip_blank();
    if (bytes.peek() == ']') return bytes.consume(1);
    if (bytes.peek() != ',') {
      throw broken(fmt::format("expected ',' or ']' after element {}, got {}", number, shown_byte(bytes.peek())));
    }
    bytes.consume(1);
  }
}

void read_field(ByteReader& bytes, RowBuilder& rows, const std::string& field, size_t largest) {
  expect(bytes, '{');
  std::string seen;
  ValueScanner keys(bytes, 1 << 16);
  ValueScanner skipped(bytes, 0);
  for (bytes.skip_blank(); bytes.peek() == '"';) {
    const Span key = keys.next();
    if (key.cut) throw broken("a key of more than 65536 bytes");
    expect(bytes, ':');
    bytes.skip_blank();
    if (parse_json(key.text) == field) {
      if (bytes.peek() != '[') throw broken(fmt::format("field: '{}' is not a list of rows", field));
      return read_list(bytes, rows, largest);
    }
    if (seen.size() < 200) seen += (seen.empty() ? "" : ", ") + key.text.substr(1, key.text.size() - 2);
    skipped.next();
    bytes.skip_blank();
    if (bytes.peek() == ',') bytes.consume(1);
    bytes.skip_blank();
  }
  expect(bytes, '}');
  throw broken(fmt::format("field: no key '{}' in the file's object; it has: {}", field, seen.empty() ? "none" : seen));
}

/// Whether a line, and the first byte after it, look like a value that is written over several lines.
bool goes_on(std::string_view line, int next) {
  const size_t last = line.find_last_not_of(kBlanks);
  if (last == std::string_view::npos || nesting_of(line).open <= 0) return false;
  return (next == '"' && (line[last] == '{' || line[last] == ',')) || (next == '{' && line[last] == '[');
}

}  // namespace

Fault too_large(size_t largest) { return {{Check::kTooLarge, fmt::format("a row of more than {} bytes", largest)}}; }

void read_json_lines(ByteReader& bytes, RowBuilder& rows, size_t largest) {
  std::string first;
  for (int64_t number = bytes.line(); auto line = bytes.next_line(largest); number = bytes.line()) {
    std::string_view text = line->text;
    if (!line->cut && is_blank(text)) continue;
    if (!rows.any() && !line->cut) {
      text = first = text;  // the view does not outlive a look at what follows
      bytes.skip_blank();
      if (goes_on(text, bytes.peek())) {
        return rows.fault(number, {Check::kBrokenFile,
                                   "a JSON value over several lines: write one object a line, or a list of them in a "
                                   "file that ends in .json, or name the list inside an object with field"});
      }
    }
    rows.add(number, [&] {
      if (line->cut) throw too_large(largest);
      return parse_json(text);
    });
    if (rows.stopped()) return;
  }
}

void read_json(ByteReader& bytes, RowBuilder& rows, size_t largest) {
  const std::string& field = rows.source().field;
  bytes.skip_blank();
  if (!field.empty()) {
    if (bytes.peek() >= 0) read_field(bytes, rows, field, largest);
    return;
  }
  if (bytes.peek() != '[') return read_json_lines(bytes, rows, largest);
  read_list(bytes, rows, largest);
  if (rows.stopped()) return;
  bytes.skip_blank();
  if (bytes.peek() >= 0) throw broken(fmt::format("{} after the end of the list", shown_byte(bytes.peek())));
}

}  // namespace lorica
