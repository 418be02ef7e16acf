#include "io/data/byte_source.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "io/data/finding.h"
#include "kernels/error.h"

namespace lorica {
namespace {

constexpr size_t kPackedBytes = 1 << 16;

class FileSource : public ByteSource {
 public:
  explicit FileSource(const std::filesystem::path& path)
      : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) throw Error("{}: cannot open: {}", path_.string(), std::strerror(errno));
  }
  ~FileSource() override { ::close(descriptor_); }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  size_t read(char* to, size_t size) override {
    for (;;) {
      const ssize_t got = ::read(descriptor_, to, size);
      if (got >= 0) return static_cast<size_t>(got);
      if (errno != EINTR) throw Error("{}: cannot read: {}", path_.string(), std::strerror(errno));
    }
  }

 private:
  std::filesystem::path path_;
  int descriptor_;
};

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}
  size_t read(char* to, size_t size) override {
    const size_t got = bytes_.copy(to, size);
    bytes_.remove_prefix(got);
    return got;
  }

 private:
  std::string_view bytes_;
};

/// The first bytes of a source, which may be looked at before they are read.
class Packed : public ByteSource {
 public:
  explicit Packed(std::unique_ptr<ByteSource> source) : source_(std::move(source)) { fetch(); }

  /// What is read and not taken; empty at the end only.
  std::string_view window() {
    if (at_ == size_) fetch();
    return {buffer_.data() + at_, size_ - at_};
  }
  void take(size_t count) { at_ += count; }
  size_t read(char* to, size_t size) override {
    const size_t got = window().copy(to, size);
    take(got);
    return got;
  }
  /// Whether the next bytes are `magic`; the window is filled up as far as that needs.
  bool starts_with(std::string_view magic) {
    while (size_ - at_ < magic.size()) {
      std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(at_),
                buffer_.begin() + static_cast<std::ptrdiff_t>(size_), buffer_.begin());
      size_ -= at_;
      at_ = 0;
      const size_t got = source_->read(buffer_.data() + size_, buffer_.size() - size_);
      if (got == 0) return false;
      size_ += got;
    }
    return window().starts_with(magic);
  }

 private:
  void fetch() {
    at_ = 0;
    size_ = source_->read(buffer_.data(), buffer_.size());
  }

  std::unique_ptr<ByteSource> source_;
  std::vector<char> buffer_ = std::vector<char>(kPackedBytes);
  size_t at_ = 0, size_ = 0;
};

[[noreturn]] void fail(std::string_view kind, std::string_view what) {
  throw Fault{{Check::kBrokenFile, fmt::format("the {} archive {} here", kind, what)}};
}

constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

class GzipSource : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<Packed> packed) : packed_(std::move(packed)) {
    constexpr int kGzipOnly = 15 + 16;  // the largest window, a gzip header and not a zlib one
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw RunError("gzip: out of memory");
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  size_t read(char* to, size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(std::min<size_t>(size, 1u << 30));
    const uInt wanted = stream_.avail_out;
    while (stream_.avail_out == wanted && step()) {
    }
    return wanted - stream_.avail_out;
  }

 private:
  /// False at the end of the last member.
  bool step() {
    if (between_members_) {
      if (packed_->window().empty()) return false;
      if (!packed_->starts_with(kGzipMagic)) fail("gzip", "is followed by bytes that are none");
      inflateReset(&stream_);
      between_members_ = false;
    }
    const std::string_view input = packed_->window();
    if (input.empty()) fail("gzip", "ends early");
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));  // zlib does not write to it
    stream_.avail_in = static_cast<uInt>(input.size());
    const int state = inflate(&stream_, Z_NO_FLUSH);
    packed_->take(input.size() - stream_.avail_in);
    if (state != Z_OK && state != Z_STREAM_END && state != Z_BUF_ERROR) fail("gzip", "is broken");
    between_members_ = state == Z_STREAM_END;
    return true;
  }

  std::unique_ptr<Packed> packed_;
  z_stream stream_{};
  bool between_members_ = false;
};

class ZstdSource : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<Packed> packed) : packed_(std::move(packed)), stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw RunError("zstd: out of memory");
  }
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

  size_t read(char* to, size_t size) override {
    ZSTD_outBuffer out{to, size, 0};
    while (out.pos == 0) {
      const std::string_view input = packed_->window();
      if (input.empty() && frame_done_) return 0;
      ZSTD_inBuffer in{input.data(), input.size(), 0};
      const size_t left = ZSTD_decompressStream(stream_, &out, &in);
      packed_->take(in.pos);
      if (ZSTD_isError(left) != 0) fail("zstd", fmt::format("is broken ({})", ZSTD_getErrorName(left)));
      if (input.empty() && left != 0 && out.pos == 0) fail("zstd", "ends early");
      frame_done_ = left == 0;
    }
    return out.pos;
  }

 private:
  std::unique_ptr<Packed> packed_;
  ZSTD_DStream* stream_;
  bool frame_done_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> file_source(const std::filesystem::path& path) {
  return std::make_unique<FileSource>(path);
}

std::unique_ptr<ByteSource> memory_source(std::string_view bytes) { return std::make_unique<MemorySource>(bytes); }

std::unique_ptr<ByteSource> unpacked(std::unique_ptr<ByteSource> packed) {
  auto input = std::make_unique<Packed>(std::move(packed));
  if (input->starts_with(kGzipMagic)) return std::make_unique<GzipSource>(std::move(input));
  if (input->starts_with(kZstdMagic)) return std::make_unique<ZstdSource>(std::move(input));
  return input;
}

}  // namespace lorica
