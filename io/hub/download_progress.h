#pragma once
#include <cstdint>
#include <string>

namespace lorica {

/// A line on stderr that grows with a download; nothing where stderr is no terminal.
class DownloadProgress {
 public:
  DownloadProgress();
  ~DownloadProgress() { end(); }
  DownloadProgress(const DownloadProgress&) = delete;
  DownloadProgress& operator=(const DownloadProgress&) = delete;
  void show(const std::string& path, int64_t done, int64_t total);
  void end();

 private:
  bool terminal_, open_ = false;
  int64_t shown_ = -1;
  std::string path_;
};

}  // namespace lorica
