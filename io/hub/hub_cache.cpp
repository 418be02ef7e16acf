#include "io/hub/hub_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/formats/file_bytes.h"
#include "kernels/error.h"

namespace lorica {
namespace fs = std::filesystem;
namespace {

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw RunError("{}: cannot make the folder: {}", folder.string(), error.message());
}

}  // namespace

HubCache::HubCache(const fs::path& cache, const std::string& repo) {
  std::string name = "models--" + repo;
  name.replace(name.find('/'), 1, "--");
  folder_ = cache / name;
  locks_ = cache / ".locks" / name;
}

std::optional<std::string> HubCache::commit_of(const std::string& revision) const {
  std::error_code error;
  if (fs::is_directory(snapshot(revision), error)) return revision;
  const fs::path ref = folder_ / "refs" / revision;
  if (!fs::is_regular_file(ref, error)) return std::nullopt;
  std::string commit = read_file(ref);
  while (!commit.empty() && (commit.back() == '\n' || commit.back() == ' ')) commit.pop_back();
  if (!fs::is_directory(snapshot(commit), error)) return std::nullopt;
  return commit;
}

void HubCache::remember(const std::string& revision, const std::string& commit) const {
  if (revision == commit) return;
  const fs::path ref = folder_ / "refs" / revision;
  make_folder(ref.parent_path());
  write_file_atomically(ref, commit);
}

void HubCache::link(const std::string& commit, const std::string& path, const std::string& hash) const {
  const fs::path at = snapshot(commit) / path;
  make_folder(at.parent_path());
  const fs::path target = blob(hash).lexically_relative(at.parent_path());
  std::error_code error;
  if (fs::is_symlink(at, error) && fs::read_symlink(at, error) == target) return;
  fs::remove(at, error);
  fs::create_symlink(target, at, error);
  if (error && error != std::errc::file_exists)
    throw RunError("{}: cannot link to {}: {}", at.string(), target.string(), error.message());
}

HubCache::Lock::Lock(const HubCache& cache, const std::string& hash) {
  make_folder(cache.locks_);
  make_folder(cache.folder_ / "blobs");
  const fs::path path = cache.locks_ / (hash + ".lock");
  descriptor_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor_ < 0) throw RunError("{}: cannot open: {}", path.string(), std::strerror(errno));
  while (flock(descriptor_, LOCK_EX) != 0)
    if (errno != EINTR) throw RunError("{}: cannot lock: {}", path.string(), std::strerror(errno));
}

HubCache::Lock::~Lock() { close(descriptor_); }

}  // namespace lorica
