#include "io/formats/file_bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "kernels/error.h"

namespace lorica {
namespace {

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

size_t size_of_regular_file(const Descriptor& file, const std::filesystem::path& path) {
  struct stat info {};
  if (!file.ok()) throw Error("{}: cannot open: {}", path.string(), std::strerror(errno));
  if (::fstat(file.get(), &info) != 0) throw Error("{}: {}", path.string(), std::strerror(errno));
  if (S_ISDIR(info.st_mode)) throw Error("{}: is a folder, expected a file", path.string());
  return static_cast<size_t>(info.st_size);
}

void fsync_folder(const std::filesystem::path& folder) {
  const Descriptor handle(folder, O_RDONLY | O_DIRECTORY);
  if (handle.ok()) ::fsync(handle.get());
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  const Descriptor file(path, O_RDONLY);
  std::string bytes;
  bytes.reserve(size_of_regular_file(file, path));
  char buffer[1 << 16];
  for (;;) {  // a pipe has no size, so read to the end
    const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error("{}: {}", path.string(), std::strerror(errno));
    if (n == 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(n));
  }
}

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const Descriptor file(path, O_RDONLY);
  size_ = size_of_regular_file(file, path);
  if (size_ == 0) return;
  data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (data_ == MAP_FAILED) {
    data_ = nullptr;
    throw Error("{}: cannot map: {}", path.string(), std::strerror(errno));
  }
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(data_, size_);
}

void MappedFile::release(std::string_view part) const {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(part.data());
  const uintptr_t first = (begin + page - 1) / page * page, last = (begin + part.size()) / page * page;
  if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path), aside_(path) {
  aside_ += ".part";
  descriptor_ = ::open(aside_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail("create");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(aside_.c_str());
}

void AtomicFile::fail(const char* what) {
  const int reason = errno;
  throw RunError("{}: cannot {}: {}", path_.string(), what, std::strerror(reason));
}

void AtomicFile::write(std::string_view bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::write(descriptor_, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("write");
    done += static_cast<size_t>(n);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("sync");
  rename_durably(aside_, path_);
  ::close(descriptor_);
  descriptor_ = -1;
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void prepare_output_folder(const std::filesystem::path& folder, bool overwrite) {
  std::error_code error;
  if (std::filesystem::exists(folder, error) && !std::filesystem::is_directory(folder, error))
    throw Error("{}: is a file, expected a folder", folder.string());
  if (!overwrite && std::filesystem::is_directory(folder, error) && !std::filesystem::is_empty(folder, error))
    throw Error("{}: the folder is not empty", folder.string());
  std::filesystem::create_directories(folder, error);
  if (error) throw RunError("{}: cannot create the folder: {}", folder.string(), error.message());
}

void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    throw RunError("{}: cannot rename to {}: {}", from.string(), to.string(), std::strerror(errno));
  fsync_folder(to.has_parent_path() ? to.parent_path() : ".");
}

}  // namespace lorica
