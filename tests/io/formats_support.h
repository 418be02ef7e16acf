#pragma once
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "kernels/error.h"

namespace lorica::test {

/// The message of the Error that fn throws, or "no error".
template <class Fn>
std::string error_of(Fn fn) {
  try {
    fn();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// A fresh folder that goes away with the object.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "lorica_test_XXXXXX").string();
    if (!::mkdtemp(name.data())) throw RunError("{}: cannot create", name);
    path_ = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::filesystem::path operator/(const char* name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

template <class T>
std::string raw(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

/// Length, header and `data_bytes` zero bytes.
inline std::string safetensors_bytes(const std::string& header, size_t data_bytes) {
  return raw<uint64_t>(header.size()) + header + std::string(data_bytes, '\0');
}

/// Builds a GGUF file piece by piece; a test can break any part of it.
class GgufBuilder {
 public:
  uint32_t version = 3;
  std::string magic = "GGUF";
  uint64_t alignment = 32;

  static std::string text(const std::string& s) { return raw<uint64_t>(s.size()) + s; }
  GgufBuilder& entry(const std::string& key, uint32_t type, const std::string& value) {
    entries_.push_back(text(key) + raw(type) + value);
    return *this;
  }
  GgufBuilder& u32(const std::string& key, uint32_t value) { return entry(key, 4, raw(value)); }
  GgufBuilder& f32(const std::string& key, float value) { return entry(key, 6, raw(value)); }
  GgufBuilder& flag(const std::string& key, bool value) { return entry(key, 7, raw<uint8_t>(value)); }
  GgufBuilder& string(const std::string& key, const std::string& value) { return entry(key, 8, text(value)); }
  GgufBuilder& strings(const std::string& key, const std::vector<std::string>& values) {
    std::string bytes = raw<uint32_t>(8) + raw<uint64_t>(values.size());
    for (const auto& value : values) bytes += text(value);
    return entry(key, 9, bytes);
  }
  /// `ne` innermost first, as in the file. The data follows the tensors before it, aligned, unless `offset` is given.
  GgufBuilder& tensor(const std::string& name, const std::vector<uint64_t>& ne, uint32_t type, const std::string& data,
                      int64_t offset = -1) {
    data_.resize((data_.size() + alignment - 1) / alignment * alignment);
    std::string info = text(name) + raw<uint32_t>(static_cast<uint32_t>(ne.size()));
    for (const uint64_t n : ne) info += raw(n);
    tensors_.push_back(info + raw(type) + raw<uint64_t>(offset < 0 ? data_.size() : static_cast<uint64_t>(offset)));
    data_ += data;
    return *this;
  }
  std::string bytes() const {
    std::string out = magic + raw(version) + raw<uint64_t>(tensors_.size()) + raw<uint64_t>(entries_.size());
    for (const auto& part : entries_) out += part;
    for (const auto& part : tensors_) out += part;
    out.resize((out.size() + alignment - 1) / alignment * alignment);
    return out + data_;
  }

 private:
  std::vector<std::string> entries_, tensors_;
  std::string data_;
};

}  // namespace lorica::test
