#include <fmt/format.h>

#include <algorithm>

#include "io/data/csv.h"
#include "io/data/records.h"
#include "io/formats/blanks.h"

namespace lorica {
namespace {

/// Lines that make one record.
class Block {
 public:
  explicit Block(size_t largest) : largest_(largest) {}

  void add(int64_t number, const ByteReader::Line& line) {
    std::string_view text = line.text;
    if (line.ended && text.ends_with('\r')) text.remove_suffix(1);
    if (first_ == 0) first_ = number;
    blank_ = blank_ && !line.cut && is_blank(text);
    cut_ = cut_ || line.cut || text_.size() + text.size() >= largest_;
    if (cut_) return;
    text_ += text;
    if (line.ended) text_ += '\n';
  }
  bool blank() const { return blank_; }
  int64_t first() const { return first_; }
  /// Throws Fault where it is too large or no text.
  const std::string& text(const char* hint = "") const {
    if (cut_) {
      Fault fault = too_large(largest_);
      fault.note.message += hint;
      throw fault;
    }
    check_text(text_);
    return text_;
  }
  void clear() {
    text_.clear();
    first_ = 0;
    blank_ = true;
    cut_ = false;
  }

 private:
  const size_t largest_;
  std::string text_;
  int64_t first_ = 0;
  bool blank_ = true, cut_ = false;
};

/// Columns of a CoNLL block.
Json comments_of(std::string_view block) {
  Json record = Json::object();
  while (!block.empty()) {
    const size_t end = std::min(block.find('\n'), block.size());
    std::string_view line = block.substr(0, end);
    block.remove_prefix(std::min(end + 1, block.size()));
    const size_t split = line.find_first_of("=:");
    if (!line.starts_with('#') || split == std::string_view::npos) continue;
    record[std::string(trimmed(line.substr(1, split - 1)))] = trimmed(line.substr(split + 1));
  }
  if (record.empty()) throw bad_row("no comment of the form '# key = value' in this block");
  return record;
}

void throw_fault_of(const CsvRecord& record, size_t width, size_t largest) {
  switch (record.fault) {
    case CsvRecord::Fault::kUnterminatedQuote:
      throw Fault{{Check::kUnterminatedQuote, "a quote that opens in this record is never closed"}};
    case CsvRecord::Fault::kTextAfterQuote:
      throw bad_row("text after a closing quote; a quote inside a quoted field is written twice");
    case CsvRecord::Fault::kTooLarge:
      throw too_large(largest);
    case CsvRecord::Fault::kNone:
      break;
  }
  if (record.fields.size() != width) {
    throw Fault{{Check::kFieldCount, fmt::format("expected {} fields, got {}", width, record.fields.size())}};
  }
  check_text(record.raw);
}

}  // namespace

void read_table(ByteReader& bytes, RowBuilder& rows, char delimiter, size_t largest) {
  CsvReader reader(bytes, delimiter, largest);
  const auto header = reader.next();
  if (!header) return;
  try {
    throw_fault_of(*header, header->fields.size(), largest);
  } catch (const Fault&) {
    return rows.fault(header->line, {Check::kMissingColumn, "the header row is not valid CSV in UTF-8"});
  }
  rows.set_columns(header->line, header->fields);
  while (auto record = reader.next()) {
    rows.add(record->line, [&] {
      throw_fault_of(*record, header->fields.size(), largest);
      Json columns = Json::object();
      for (size_t i = 0; i < header->fields.size(); ++i) {
        columns.emplace(header->fields[i], std::move(record->fields[i]));  // of two of one name the first counts
      }
      return columns;
    });
    if (rows.stopped()) return;
  }
  if (!rows.any()) rows.fault(0, {Check::kEmptyFile, "the file holds a header and no rows"});
}

void read_plain_text(ByteReader& bytes, RowBuilder& rows, size_t largest) {
  const SampleBy by = rows.source().sample_by;
  const bool whole = by == SampleBy::kDocument;
  Block block(largest);
  const auto finish = [&] {
    if (!block.blank()) {
      rows.add(block.first(), [&] {
        std::string text = block.text(whole ? "; sample_by: paragraph or line makes rows of its parts" : "");
        if (!whole && text.ends_with('\n')) text.pop_back();
        return Json{{"text", std::move(text)}};
      });
    }
    block.clear();
  };
  for (int64_t number = bytes.line(); auto line = bytes.next_line(largest); number = bytes.line()) {
    const bool blank = !line->cut && is_blank(line->text);
    if (whole || !blank) block.add(number, *line);
    if (by == SampleBy::kLine || (by == SampleBy::kParagraph && blank)) finish();
    if (rows.stopped()) return;
  }
  finish();
}

void read_conll(ByteReader& bytes, RowBuilder& rows, size_t largest) {
  Block block(largest);
  const auto finish = [&] {
    if (!block.blank()) rows.add(block.first(), [&] { return comments_of(block.text()); });
    block.clear();
  };
  for (int64_t number = bytes.line(); auto line = bytes.next_line(largest); number = bytes.line()) {
    if (!line->cut && is_blank(line->text)) {
      finish();
    } else {
      block.add(number, *line);
    }
    if (rows.stopped()) return;
  }
  finish();
}

}  // namespace lorica
