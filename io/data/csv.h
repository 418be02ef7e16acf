#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/byte_reader.h"

namespace lorica {

/// One record of a CSV file.
struct CsvRecord {
  enum class Fault { kNone, kTextAfterQuote, kUnterminatedQuote, kTooLarge };
  int64_t line = 0;  ///< the line on which the record starts, from 1
  std::string raw;   ///< its bytes in the file, without the line end
  std::vector<std::string> fields;
  Fault fault = Fault::kNone;  ///< where it is not kNone, the fields are what could be read
};

/// Reads comma-separated records as RFC 4180 has them: fields in double quotes may hold commas, line ends and doubled
/// quotes. Lines end in LF or CRLF, the last one need not; blank lines between records are skipped. A quote inside an
/// unquoted field is plain text. With another delimiter the same holds for that.
class CsvReader {
 public:
  /// `bytes` must outlive the reader. Of a record of more than `largest` bytes the rest is skipped.
  CsvReader(ByteReader& bytes, char delimiter, size_t largest);
  /// The next record, or nothing at the end. A record with a fault is followed by the next line, except after an
  /// unterminated quote, which reaches to the end.
  std::optional<CsvRecord> next();

 private:
  bool take_line_end();
  bool read_quoted(CsvRecord& record);
  bool read_plain(CsvRecord& record);
  bool read_rest(CsvRecord& record);
  void append(CsvRecord& record, std::string_view part);
  void take(CsvRecord& record, size_t count);

  ByteReader& bytes_;
  const char delimiter_;
  const size_t largest_;
  bool carriage_return_ = false;  // one was consumed that ended no line
};

}  // namespace lorica
