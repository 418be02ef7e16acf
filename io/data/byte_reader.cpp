#include "io/data/byte_reader.h"

#include <algorithm>

#include "io/data/finding.h"
#include "io/formats/blanks.h"

namespace lorica {
namespace {

constexpr size_t kBufferBytes = 1 << 18;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

ByteReader::ByteReader(std::unique_ptr<ByteSource> source) : source_(std::move(source)), buffer_(kBufferBytes) {}

void ByteReader::fill() {
  if (held_) std::rethrow_exception(held_);
  at_ = end_ = 0;
  try {
    while (end_ < buffer_.size()) {
      const size_t got = source_->read(buffer_.data() + end_, buffer_.size() - end_);
      if (got == 0) break;
      end_ += got;
    }
  } catch (const Fault&) {
    held_ = std::current_exception();
    if (end_ == 0) throw;
  }
  if (at_start_ && std::string_view(buffer_.data(), end_).starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
  at_start_ = false;
}

std::string_view ByteReader::window() {
  if (at_ == end_) fill();
  return {buffer_.data() + at_, end_ - at_};
}

void ByteReader::consume(size_t count) {
  const char* const begin = buffer_.data() + at_;
  line_ += std::count(begin, begin + count, '\n');
  at_ += count;
}

int ByteReader::peek() {
  const std::string_view bytes = window();
  return bytes.empty() ? -1 : static_cast<unsigned char>(bytes[0]);
}

void ByteReader::skip_blank() {
  for (;;) {
    const std::string_view bytes = window();
    const size_t blank = std::min(bytes.find_first_not_of(kBlanks), bytes.size());
    consume(blank);
    if (bytes.empty() || blank < bytes.size()) return;
  }
}

std::optional<ByteReader::Line> ByteReader::next_line(size_t largest) {
  std::string_view bytes = window();
  if (bytes.empty()) return std::nullopt;
  size_t end = bytes.find('\n');
  if (end != std::string_view::npos && end <= largest) {
    consume(end + 1);
    return Line{bytes.substr(0, end)};
  }
  long_line_.clear();
  bool cut = false;
  end = std::string_view::npos;
  for (; !bytes.empty(); bytes = window()) {
    end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    const std::string_view kept = part.substr(0, largest - long_line_.size());
    long_line_ += kept;
    cut = cut || kept.size() < part.size();
    consume(std::min(part.size() + 1, bytes.size()));
    if (end != std::string_view::npos) break;
  }
  return Line{long_line_, cut, end != std::string_view::npos};
}

}  // namespace lorica
