#include "io/data/csv.h"

namespace lorica {

CsvReader::CsvReader(std::string_view bytes) : bytes_(bytes) {
  if (bytes_.starts_with("\xEF\xBB\xBF")) at_ = 3;
}

bool CsvReader::at_line_end() const {
  return at_ >= bytes_.size() || bytes_[at_] == '\n' || bytes_.substr(at_, 2) == "\r\n";
}

void CsvReader::skip_line_end() {
  if (at_ >= bytes_.size()) return;
  at_ += bytes_[at_] == '\r' ? 2 : 1;
  ++line_;
}

std::string CsvReader::quoted_field(CsvRecord& record) {
  std::string field;
  for (++at_; at_ < bytes_.size(); ++at_) {
    const char c = bytes_[at_];
    if (c == '"') {
      if (bytes_.substr(at_, 2) != "\"\"") break;
      ++at_;
    }
    if (c == '\n') ++line_;
    field += c;
  }
  if (at_ >= bytes_.size()) {
    record.fault = CsvRecord::Fault::kUnterminatedQuote;
    return field;
  }
  ++at_;
  if (!at_line_end() && bytes_[at_] != ',') {
    record.fault = CsvRecord::Fault::kTextAfterQuote;
    field += plain_field();
  }
  return field;
}

std::string CsvReader::plain_field() {
  const size_t start = at_;
  while (!at_line_end() && bytes_[at_] != ',') ++at_;
  return std::string(bytes_.substr(start, at_ - start));
}

std::optional<CsvRecord> CsvReader::next() {
  while (at_ < bytes_.size() && at_line_end()) skip_line_end();
  if (at_ >= bytes_.size()) return std::nullopt;
  CsvRecord record;
  record.line = line_;
  const size_t start = at_;
  for (;;) {
    const bool quoted = at_ < bytes_.size() && bytes_[at_] == '"';
    record.fields.push_back(quoted ? quoted_field(record) : plain_field());
    if (at_line_end()) break;
    ++at_;  // the comma
  }
  record.raw = bytes_.substr(start, at_ - start);
  skip_line_end();
  return record;
}

}  // namespace lorica
