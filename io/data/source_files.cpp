#include "io/data/source_files.h"

#include <glob.h>

#include <algorithm>

#include "io/data/rows.h"
#include "kernels/error.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_below(const fs::path& folder) {
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator entry(folder), end; entry != end; ++entry) {
    if (entry->path().filename().string().starts_with('.')) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file() && find_data_file_kind(entry->path())) {
      files.push_back(entry->path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> matches_of(const std::string& pattern) {
  glob_t found{};
  std::vector<fs::path> files;
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0) files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

std::vector<fs::path> source_files(const std::string& path, const std::string& place) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    auto files = files_below(path);
    if (files.empty()) throw Error("{}: no data file in the folder '{}'", place, path);
    return files;
  }
  if (path.find_first_of("*?[") == std::string::npos || fs::exists(path, ignored)) return {path};
  auto files = matches_of(path);
  if (files.empty()) throw Error("{}: no file matches '{}'", place, path);
  return files;
}

}  // namespace lorica
