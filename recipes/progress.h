#pragma once
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace lorica {

/// What a step reports.
struct StepReport {
  int64_t step = 0;
  double epoch = 0;
  double progress = 0;  ///< share of the run that is done, [0, 1]
  double loss = 0;
  double gradient_norm = 0;
  double learning_rate = 0;
  double tokens_per_second = 0;
  double seconds_left = 0;
  int64_t tokens = 0, trained_tokens = 0;  ///< of this step
  int64_t memory_bytes = 0;                ///< held at most so far: of the process, or of the GPU
};

/// Shows a run on a stream: one line that is written over on a terminal, a line a report elsewhere.
class ProgressLine {
 public:
  explicit ProgressLine(std::FILE* stream);
  ~ProgressLine();
  void report(const StepReport& report, bool log_line);
  /// A line of its own, above the live one.
  void say(std::string_view text);

 private:
  void clear();

  std::FILE* stream_;
  bool terminal_;
  bool live_ = false;
};

/// "2:13", "1:02:09"
std::string duration_text(double seconds);
/// "1.25 GB"
std::string bytes_text(int64_t bytes);

/// Two texts side by side, wrapped at `width` columns each, under the headings.
std::string side_by_side(const std::string& left_heading, const std::string& left, const std::string& right_heading,
                         const std::string& right, size_t width);

}  // namespace lorica
