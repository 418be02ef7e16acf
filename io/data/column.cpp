#include "io/data/column.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "kernels/error.h"

namespace lorica {
namespace {

constexpr size_t kBuffer = size_t{1} << 20;

void read_at(int descriptor, char* bytes, size_t count, size_t offset) {
  for (size_t done = 0; done < count;) {
    const ssize_t n = ::pread(descriptor, bytes + done, count - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      throw RunError("token cache: cannot read back what was written: {}", std::strerror(n < 0 ? errno : EIO));
    done += static_cast<size_t>(n);
  }
}

}  // namespace

bool write_at(int descriptor, std::string_view bytes, size_t offset) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t n = ::pwrite(descriptor, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

Column::Column(int descriptor, size_t begin, std::function<void(int)> on_failure)
    : descriptor_(descriptor), begin_(begin), on_failure_(std::move(on_failure)) {}

Column::~Column() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Column::Column(Column&& other) noexcept { *this = std::move(other); }

Column& Column::operator=(Column&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(begin_, other.begin_);
  std::swap(written_, other.written_);
  std::swap(on_failure_, other.on_failure_);
  return *this;
}

void Column::append(const void* bytes, size_t count) {
  bytes_.append(static_cast<const char*>(bytes), count);
  if (in_file() && bytes_.size() >= kBuffer) flush();
}

void Column::flush() {
  if (!in_file() || bytes_.empty()) return;
  if (write_at(descriptor_, bytes_, begin_ + written_)) {
    written_ += bytes_.size();
    bytes_.clear();
    return;
  }
  on_failure_(errno);
  to_memory();
}

void Column::to_memory() {
  if (!in_file()) return;
  std::string all(written_, '\0');
  read_at(descriptor_, all.data(), written_, begin_);
  all += bytes_;
  bytes_ = std::move(all);
  written_ = 0;
  ::close(std::exchange(descriptor_, -1));
}

}  // namespace lorica
