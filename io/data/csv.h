#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lorica {

/// One record of a CSV file.
struct CsvRecord {
  enum class Fault { kNone, kTextAfterQuote, kUnterminatedQuote };
  int64_t line = 0;      ///< the line on which the record starts, from 1
  std::string_view raw;  ///< its bytes in the file, without the line end
  std::vector<std::string> fields;
  Fault fault = Fault::kNone;  ///< where it is not kNone, the fields are what could be read
};

/// Reads comma-separated records as RFC 4180 has them: fields in double quotes may hold commas, line ends and doubled
/// quotes. Lines end in LF or CRLF, the last one need not; a byte order mark at the start and blank lines between
/// records are skipped. A quote inside an unquoted field is plain text.
class CsvReader {
 public:
  /// `bytes` must outlive the reader and its records.
  explicit CsvReader(std::string_view bytes);
  /// The next record, or nothing at the end. A record with a fault is followed by the next line, except after an
  /// unterminated quote, which reaches to the end.
  std::optional<CsvRecord> next();

 private:
  bool at_line_end() const;
  void skip_line_end();
  std::string quoted_field(CsvRecord& record);
  std::string plain_field();

  std::string_view bytes_;
  size_t at_ = 0;
  int64_t line_ = 1;
};

}  // namespace lorica
