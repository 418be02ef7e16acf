#include "io/data/token_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "io/formats/content_hash.h"
#include "io/formats/file_bytes.h"
#include "kernels/error.h"

namespace lorica {
namespace fs = std::filesystem;
namespace {

constexpr const char* kEnding = ".tokens";
constexpr const char* kHashes = "hashes";

int64_t nanoseconds(const timespec& time) { return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

FileStamp stamp_of(const struct stat& info) {
  return {info.st_dev, info.st_ino, static_cast<uint64_t>(info.st_size), nanoseconds(info.st_mtim),
          nanoseconds(info.st_ctim)};
}

std::optional<FileStamp> stamp_of(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return stamp_of(info);
}

/// A change within the clock's steps of the last one would leave the stamp as it is.
bool settled(const FileStamp& stamp) {
  const auto now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  constexpr int64_t kSettleNs = 2'000'000'000;
  return stamp.modified_ns < now - kSettleNs && stamp.changed_ns < now - kSettleNs;
}

/// The hash of a regular file that does not change meanwhile; throws Error for any other.
std::string read_and_hash(const fs::path& path, const FileStamp& stamp) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw Error("{}: cannot open: {}", path.string(), std::strerror(errno));
  ::posix_fadvise(file, 0, 0, POSIX_FADV_SEQUENTIAL);
  ContentHash hash;
  std::string buffer(size_t{1} << 20, '\0');
  ssize_t n = 0;
  while ((n = ::read(file, buffer.data(), buffer.size())) > 0) hash.add({buffer.data(), static_cast<size_t>(n)});
  struct stat info {};
  const bool whole = n == 0 && ::fstat(file, &info) == 0 && stamp_of(info) == stamp;
  ::close(file);
  if (!whole) throw Error("{}: cannot read, or changes while it is read", path.string());
  return hash.text();
}

/// Written aside and renamed; what fails is left out, since all of it can be made again.
void write_small_file(const fs::path& path, const std::string& text) {
  std::string aside = path.string() + ".XXXXXX";
  const int file = ::mkostemp(aside.data(), O_CLOEXEC);
  if (file < 0) return;
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(file);
  if (!written || ::rename(aside.c_str(), path.c_str()) != 0) ::unlink(aside.c_str());
}

bool make_private_folder(const fs::path& folder) {
  std::error_code failure;
  if (!folder.parent_path().empty()) fs::create_directories(folder.parent_path(), failure);
  return ::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST;
}

/// Texts with their lengths, so that no two lists of texts are alike.
class KeyText {
 public:
  void add(std::string_view text) {
    hash_.add(fmt::format("{}:", text.size()));
    hash_.add(text);
  }
  void add(int64_t number) { add(fmt::format("{}", number)); }
  std::string hash() const { return hash_.text(); }

 private:
  ContentHash hash_;
};

/// Everything of a source that decides about its tokens: not its files, nor its weight. A member that is new must be
/// added here, or this does not compile.
void add_settings(KeyText& key, const DataSource& source) {
  const auto& [files, format, field, messages, prompt, response, text, label, system, tools, slice, prompt_template,
               response_template, system_prompt, chat_template, weight, sample_by] = source;
  static_cast<void>(files);
  static_cast<void>(weight);
  key.add(static_cast<int64_t>(format));
  key.add(static_cast<int64_t>(sample_by));
  for (const std::string* value : {&field, &messages, &prompt, &response, &text, &label, &system, &tools, &slice,
                                   &prompt_template, &response_template, &system_prompt, &chat_template})
    key.add(*value);
}

}  // namespace

std::string TokenCache::hash_of_file(const fs::path& path) {
  const auto stamp = stamp_of(path);
  if (!stamp) throw Error("{}: no regular file", path.string());
  files_.emplace_back(path, *stamp);
  const fs::path known = folder_ / kHashes /
                         content_hash(fmt::format("{} {} {} {} {}", stamp->device, stamp->inode, stamp->size,
                                                  stamp->modified_ns, stamp->changed_ns));
  std::error_code failure;
  if (fs::is_regular_file(known, failure)) {
    if (std::string hash = read_file(known); hash.size() == 32) return hash;
  }
  const bool trusted = settled(*stamp);
  std::string hash = read_and_hash(path, *stamp);
  if (trusted && make_private_folder(folder_) && make_private_folder(folder_ / kHashes)) write_small_file(known, hash);
  return hash;
}

std::optional<std::string> TokenCache::key_of(const DataOptions& options, const std::vector<DataSource>& sources,
                                              const TextModel& model, const std::string& before) {
  if (folder_.empty() || model.identity.empty() || sources.empty()) return std::nullopt;
  KeyText key;
  try {
    // Another build may read the same data differently.
    key.add(hash_of_file("/proc/self/exe"));
    for (const std::string* text : {&before, &model.identity, &model.bos_token, &model.eos_token}) key.add(*text);
    key.add(options.max_tokens);
    key.add(static_cast<int64_t>(options.too_long));
    key.add(static_cast<int64_t>(options.classes.size()));
    for (const std::string& name : options.classes) key.add(name);
    for (const DataSource& source : sources) {
      add_settings(key, source);
      if (!source.chat_template.empty()) key.add(hash_of_file(source.chat_template));
      key.add(static_cast<int64_t>(source.files.size()));
      for (const fs::path& file : source.files) {
        key.add(file.string());
        key.add(hash_of_file(file));
      }
    }
  } catch (const Error&) {  // reading the data says it better
    return std::nullopt;
  }
  return key.hash();
}

bool TokenCache::unchanged() const {
  return std::all_of(files_.begin(), files_.end(),
                     [](const auto& file) { return stamp_of(file.first) == file.second; });
}

std::optional<ReadSet> TokenCache::find(const std::string& key) const {
  const fs::path path = folder_ / (key + kEnding);
  std::error_code failure;
  if (!fs::exists(path, failure)) return std::nullopt;
  try {
    ReadSet set = open_token_file(path, key);
    ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);  // prune() goes by it
    return set;
  } catch (const Error& error) {
    fmt::print(stderr, "token cache: {}: {}; the data are read anew\n", path.string(), error.what());
    return std::nullopt;
  }
}

fs::path TokenCache::path_for(const std::string& key) const {
  if (!make_private_folder(folder_)) {
    fmt::print(stderr, "token cache: {}: cannot make the folder: {}; the tokens are kept in memory\n", folder_.string(),
               std::strerror(errno));
    return {};
  }
  return folder_ / (key + kEnding);
}

void TokenCache::prune(uint64_t largest) const {
  struct Entry {
    fs::path path;
    fs::file_time_type used;
    uint64_t bytes;
  };
  std::vector<Entry> kept;
  uint64_t total = 0;
  const auto now = fs::file_time_type::clock::now();
  std::error_code failure;
  for (const char* part : {"", kHashes}) {
    for (fs::directory_iterator at(folder_ / part, failure), end; !failure && at != end; at.increment(failure)) {
      std::error_code gone;  // another process may prune too
      const Entry entry{at->path(), at->last_write_time(gone), at->file_size(gone)};
      if (gone) continue;
      const bool stale = entry.path.extension() == ".part" && entry.used < now - std::chrono::hours(24 * 7);
      const bool old_hash = *part != '\0' && entry.used < now - std::chrono::hours(24 * 180);
      if (stale || old_hash) fs::remove(entry.path, gone);
      if (entry.path.extension() != kEnding) continue;
      total += entry.bytes;
      kept.push_back(entry);
    }
  }
  std::sort(kept.begin(), kept.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (size_t i = 0; total > largest && i + 1 < kept.size(); ++i) {  // the newest stays whatever its size
    fs::remove(kept[i].path, failure);
    total -= kept[i].bytes;
  }
}

fs::path default_token_cache() {
  const auto variable = [](const char* name) {
    const char* const value = std::getenv(name);
    return std::string(value != nullptr ? value : "");
  };
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty())
    return fs::path(cache) / "lorica" / "tokens";
  if (const std::string home = variable("HOME"); !home.empty()) return fs::path(home) / ".cache" / "lorica" / "tokens";
  return {};
}

}  // namespace lorica
