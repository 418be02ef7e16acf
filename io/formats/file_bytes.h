#pragma once
#include <filesystem>
#include <string>
#include <string_view>

namespace lorica {

/// The whole of a file. Throws Error "PATH: cannot open: No such file or directory".
std::string read_file(const std::filesystem::path& path);

/// A file mapped read-only for as long as the object lives. Throws Error as read_file does.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {static_cast<const char*>(data_), size_}; }
  const std::filesystem::path& path() const { return path_; }
  /// Lets the pages that lie wholly inside `part` of bytes() leave memory; reading them again fetches them again.
  void release(std::string_view part) const;

 private:
  std::filesystem::path path_;
  void* data_ = nullptr;
  size_t size_ = 0;
};

/// A file written piece by piece that appears under its name only when whole: the bytes go to "PATH.part", commit()
/// fsyncs it, renames it over `path` and fsyncs the folder. Destroyed without commit() it removes the part. Throws
/// RunError naming the path and the system's reason (disk full, read-only folder).
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  void commit();

 private:
  [[noreturn]] void fail(const char* what);

  std::filesystem::path path_, aside_;
  int descriptor_ = -1;
};

/// Writes aside, fsyncs, renames over `path` and fsyncs the folder: a kill at any moment leaves the old or the new
/// whole file. Throws RunError naming the path and the system's reason (disk full, read-only folder).
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Makes the folder that a command fills. Throws Error where it is a file, or not empty and not to be overwritten, and
/// RunError where it cannot be made.
void prepare_output_folder(const std::filesystem::path& folder, bool overwrite);

/// Renames a file or folder and fsyncs the folder it stands in. Throws RunError naming both.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace lorica
