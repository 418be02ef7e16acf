#pragma once
#include <memory>
#include <string>
#include <string_view>

namespace lorica {

/// The hash by which the hub names a file: SHA-256 of the bytes of a large file (64 hex digits), or git's SHA-1 of a
/// small one, which is of "blob SIZE\0" and the bytes (40).
class Checksum {
 public:
  /// For a file of `size` bytes that the hub calls `name`.
  Checksum(const std::string& name, size_t size);
  ~Checksum();
  void add(std::string_view bytes);
  /// In lower-case hex.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lorica
