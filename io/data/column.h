#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace lorica {

/// Bytes that are appended one after the other: in memory, or in a file as long as writing to it works.
class Column {
 public:
  /// In memory.
  Column() = default;
  /// In the file of `descriptor`, which the column closes, from byte `begin` of it on. Where writing fails (a full
  /// disk), `on_failure` gets the errno, what was written is read back, and the column goes on in memory.
  Column(int descriptor, size_t begin, std::function<void(int)> on_failure);
  ~Column();
  Column(Column&& other) noexcept;
  Column& operator=(Column&& other) noexcept;

  void append(const void* bytes, size_t count);
  size_t size() const { return written_ + bytes_.size(); }

  bool in_file() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  /// Writes out what waits in memory; in_file() tells whether that worked.
  void flush();
  /// Leaves the file. Throws RunError where it cannot be read back.
  void to_memory();
  /// Everything, once the column is in memory.
  std::string_view memory() const { return bytes_; }

 private:
  std::string bytes_;  // everything, or what is not yet in the file
  int descriptor_ = -1;
  size_t begin_ = 0;
  size_t written_ = 0;
  std::function<void(int)> on_failure_;
};

/// Writes all of `bytes` at `offset`; false, with errno, where that fails.
bool write_at(int descriptor, std::string_view bytes, size_t offset);

}  // namespace lorica
