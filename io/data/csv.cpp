#include "io/data/csv.h"

#include <algorithm>

namespace lorica {
namespace {

constexpr size_t kMostFields = 1 << 12;  // columns are looked up one after the other

}  // namespace

CsvReader::CsvReader(ByteReader& bytes, char delimiter, size_t largest)
    : bytes_(bytes), delimiter_(delimiter), largest_(largest) {}

/// True, and consumed, at a line end; true at the end of the file.
bool CsvReader::take_line_end() {
  if (bytes_.peek() == '\r') {
    bytes_.consume(1);
    carriage_return_ = bytes_.peek() != '\n';
    if (carriage_return_) return false;
  }
  if (bytes_.peek() == '\n') {
    bytes_.consume(1);
    return true;
  }
  return bytes_.peek() < 0;
}

/// Adds to the record's bytes and to its last field.
void CsvReader::append(CsvRecord& record, std::string_view part) {
  if (record.raw.size() + part.size() > largest_) record.fault = CsvRecord::Fault::kTooLarge;
  if (record.fault == CsvRecord::Fault::kTooLarge) return;
  record.raw += part;
  record.fields.back() += part;
}

/// Consumes bytes that belong to the record and to no field.
void CsvReader::take(CsvRecord& record, size_t count) {
  if (record.raw.size() + count > largest_) {
    record.fault = CsvRecord::Fault::kTooLarge;
  } else {
    record.raw += bytes_.window().substr(0, count);
  }
  bytes_.consume(count);
}

/// What may follow a closing quote. This and the next two return whether another field follows.
bool CsvReader::read_rest(CsvRecord& record) {
  if (bytes_.peek() == delimiter_) {
    take(record, 1);
    return true;
  }
  if (take_line_end()) return false;
  if (record.fault == CsvRecord::Fault::kNone) record.fault = CsvRecord::Fault::kTextAfterQuote;
  return read_plain(record);
}

bool CsvReader::read_quoted(CsvRecord& record) {
  take(record, 1);
  for (;;) {
    const std::string_view bytes = bytes_.window();
    if (bytes.empty()) {
      record.fault = CsvRecord::Fault::kUnterminatedQuote;
      return false;
    }
    const size_t quote = bytes.find('"');
    append(record, bytes.substr(0, quote));
    bytes_.consume(std::min(quote, bytes.size()));
    if (quote == std::string_view::npos) continue;
    take(record, 1);
    if (bytes_.peek() != '"') return read_rest(record);
    append(record, "\"");
    bytes_.consume(1);
  }
}

bool CsvReader::read_plain(CsvRecord& record) {
  const char ends[] = {delimiter_, '\r', '\n'};
  for (;;) {
    if (carriage_return_) append(record, "\r");
    carriage_return_ = false;
    const std::string_view bytes = bytes_.window();
    const size_t end = bytes.find_first_of(std::string_view(ends, sizeof ends));
    append(record, bytes.substr(0, end));
    bytes_.consume(std::min(end, bytes.size()));
    if (bytes_.peek() == delimiter_) {
      take(record, 1);
      return true;
    }
    if (end == std::string_view::npos && bytes_.peek() >= 0) continue;
    if (take_line_end()) return false;
  }
}

std::optional<CsvRecord> CsvReader::next() {
  while (bytes_.peek() >= 0 && take_line_end()) {
  }
  if (bytes_.peek() < 0 && !carriage_return_) return std::nullopt;
  CsvRecord record;
  record.line = bytes_.line();
  for (bool more = true; more;) {
    if (record.fields.size() == kMostFields) record.fault = CsvRecord::Fault::kTooLarge;
    if (record.fault != CsvRecord::Fault::kTooLarge) record.fields.emplace_back();
    const bool quoted = bytes_.peek() == '"' && !carriage_return_;
    more = quoted ? read_quoted(record) : read_plain(record);
  }
  return record;
}

}  // namespace lorica
