#pragma once
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/byte_source.h"

namespace lorica {

/// A byte source read in steps with a bounded buffer, lines counted. A UTF-8 byte order mark at the start is skipped.
class ByteReader {
 public:
  explicit ByteReader(std::unique_ptr<ByteSource> source);

  /// What is read and not consumed; empty at the end only. A view lives until the next call.
  std::string_view window();
  void consume(size_t count);
  /// The next byte without consuming it; -1 at the end.
  int peek();
  /// The line of the next byte, from 1.
  int64_t line() const { return line_; }
  /// Consumes blanks, tabs and line ends.
  void skip_blank();

  struct Line {
    std::string_view text;  ///< without its line end; lives until the next call
    bool cut = false;       ///< it had more than the allowed bytes; `text` holds the first of them
    bool ended = true;      ///< false for a last line without a line end
  };
  /// Consumes the next line; nothing at the end.
  std::optional<Line> next_line(size_t largest);

 private:
  void fill();

  std::unique_ptr<ByteSource> source_;
  std::vector<char> buffer_;
  size_t at_ = 0, end_ = 0;
  int64_t line_ = 1;
  bool at_start_ = true;
  std::exception_ptr held_;  // what the source threw after it had given some bytes
  std::string long_line_;
};

}  // namespace lorica
