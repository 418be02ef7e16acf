#include "io/hub/download_progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace lorica {

DownloadProgress::DownloadProgress() : terminal_(isatty(STDERR_FILENO) != 0) {}

void DownloadProgress::show(const std::string& path, int64_t done, int64_t total) {
  if (!terminal_) return;
  if (path != path_) {
    end();
    path_ = path;
    shown_ = -1;
  }
  const int64_t percent = total > 0 ? done * 100 / total : 100;
  if (percent == shown_) return;
  shown_ = percent;
  open_ = true;
  const auto filled = static_cast<size_t>(percent * 30 / 100);
  fmt::print(stderr, "\r{:<32.32} [{}{}] {:>3} %  {:.1f} of {:.1f} MB", path, std::string(filled, '='),
             std::string(30 - filled, ' '), percent, static_cast<double>(done) / 1e6, static_cast<double>(total) / 1e6);
  std::fflush(stderr);
}

void DownloadProgress::end() {
  if (open_) std::fputc('\n', stderr);
  open_ = false;
}

}  // namespace lorica
