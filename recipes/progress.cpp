#include "recipes/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace lorica {
namespace {

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

/// Lines of at most `width` characters, broken at spaces where there are some.
std::vector<std::string> wrap(const std::string& text, size_t width) {
  std::vector<std::string> lines(1);
  std::string word;
  const auto place = [&] {
    if (!lines.back().empty() && characters(lines.back()) + 1 + characters(word) > width) lines.emplace_back();
    if (!lines.back().empty()) lines.back() += ' ';
    for (char c : word) {  // a word longer than a line is cut
      if (starts_character(c) && characters(lines.back()) >= width) lines.emplace_back();
      lines.back() += c;
    }
    word.clear();
  };
  for (char c : text) {
    if (c != ' ' && c != '\n') {
      word += c;
      continue;
    }
    if (!word.empty()) place();
    if (c == '\n' && !(lines.size() > 1 && lines.back().empty())) lines.emplace_back();
  }
  if (!word.empty()) place();
  return lines;
}

std::string padded(const std::string& text, size_t width) {
  return text + std::string(width - std::min(width, characters(text)), ' ');
}

}  // namespace

std::string duration_text(double seconds) {
  const auto total = static_cast<int64_t>(std::max(0.0, seconds) + 0.5);
  if (total >= 3600) return fmt::format("{}:{:02}:{:02}", total / 3600, total / 60 % 60, total % 60);
  return fmt::format("{}:{:02}", total / 60, total % 60);
}

std::string bytes_text(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (value >= 1e9) return fmt::format("{:.2f} GB", value / 1e9);
  return fmt::format("{:.1f} MB", value / 1e6);
}

std::string side_by_side(const std::string& left_heading, const std::string& left, const std::string& right_heading,
                         const std::string& right, size_t width) {
  std::vector<std::string> a = wrap(left, width), b = wrap(right, width);
  a.resize(std::max(a.size(), b.size()));
  b.resize(a.size());
  std::string result = padded(left_heading, width) + " | " + right_heading + "\n";
  result += std::string(width, '-') + "-+-" + std::string(width, '-') + "\n";
  for (size_t i = 0; i < a.size(); ++i) result += padded(a[i], width) + " | " + b[i] + "\n";
  return result;
}

ProgressLine::ProgressLine(std::FILE* stream) : stream_(stream), terminal_(::isatty(::fileno(stream)) == 1) {}

ProgressLine::~ProgressLine() {
  if (live_) std::fputc('\n', stream_);
}

void ProgressLine::clear() {
  if (live_) std::fputs("\r\x1b[K", stream_);
  live_ = false;
}

void ProgressLine::report(const StepReport& report, bool log_line) {
  if (!terminal_ && !log_line) return;
  const std::string line =
      fmt::format("step {} ({:.0f} %)  loss {:.4f}  grad {:.3f}  lr {:.2e}  {:.0f} tokens/s  {}  {} left", report.step,
                  100 * report.progress, report.loss, report.gradient_norm, report.learning_rate,
                  report.tokens_per_second, bytes_text(report.memory_bytes), duration_text(report.seconds_left));
  clear();
  std::fputs(line.c_str(), stream_);
  if (!terminal_) std::fputc('\n', stream_);
  std::fflush(stream_);
  live_ = terminal_;
}

void ProgressLine::say(std::string_view text) {
  clear();
  fmt::print(stream_, "{}\n", text);
  std::fflush(stream_);
}

}  // namespace lorica
