#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string_view>

namespace lorica {

/// Bytes in order, from a file, from memory, or from an archive around either.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Writes up to `size` bytes to `to` and returns how many; 0 at the end only. Throws Fault for an archive that is
  /// broken or ends early, after all bytes before the break were handed out, and Error where the system fails.
  virtual size_t read(char* to, size_t size) = 0;
};

/// The bytes of a file. Throws Error "PATH: cannot open: No such file or directory".
std::unique_ptr<ByteSource> file_source(const std::filesystem::path& path);

/// `bytes`, which must outlive the source.
std::unique_ptr<ByteSource> memory_source(std::string_view bytes);

/// What `packed` holds where its first bytes are those of gzip or zstd, else `packed` itself. Archives written one
/// after the other are read as one.
std::unique_ptr<ByteSource> unpacked(std::unique_ptr<ByteSource> packed);

}  // namespace lorica
