#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "kernels/tensor_view.h"

namespace lorica {

class MappedFile;

/// One tensor of a safetensors file. `sizes` is what the file gives: it may be empty (a scalar) and, as no op takes
/// them, longer than a Shape. `dtype` is empty for the types that the format knows and Lorica does not (F8_E4M3, U32,
/// ...): such a tensor is listed, and refused only when it is asked for.
struct SafetensorsEntry {
  std::string name;
  std::string dtype_name;  // as in the file: "BF16"
  std::optional<Dtype> dtype;
  std::vector<int64_t> sizes;
  uint64_t begin = 0, end = 0;  // bytes from the start of the data

  int64_t elements() const;
};

/// A safetensors file, mapped. The header is checked whole before any data is touched: types, sizes against offsets, no
/// overlap, no gap, no bytes left over, no key given twice, header of at most 100 MB. Views are aligned for their
/// dtype: where the file does not align them (old writers did not pad the header) the tensor is copied when first asked
/// for. Throws Error "model.safetensors: tensor 'x': ...".
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);
  /// Reads from memory, which must outlive the object; `origin` stands for the path in messages.
  SafetensorsFile(std::string_view bytes, std::string origin);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::string& origin() const { return origin_; }
  uint64_t file_bytes() const { return bytes_.size(); }
  /// In the order of the file's header.
  const std::vector<SafetensorsEntry>& entries() const { return entries_; }
  /// The strings under "__metadata__".
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  /// nullptr when there is none.
  const SafetensorsEntry* find(std::string_view name) const;
  /// A view of the tensor, valid as long as the object lives; a scalar has shape [1]. Throws when it is missing, its
  /// dtype is not one of Lorica's or it has more than four dimensions. May be called from several threads.
  In tensor(std::string_view name) const;
  /// Lets the tensor's pages leave memory until it is read again.
  void done_with(std::string_view name) const;

 private:
  void parse();
  const void* aligned(const SafetensorsEntry& entry, const char* data) const;

  std::unique_ptr<MappedFile> file_;
  std::string origin_;
  std::string_view bytes_, data_;
  std::vector<SafetensorsEntry> entries_;
  std::map<std::string, std::string> metadata_;
  std::unordered_map<std::string_view, size_t> entry_of_;
  mutable std::mutex copies_mutex_;
  mutable std::unordered_map<const SafetensorsEntry*, std::unique_ptr<std::byte[]>> copies_;
};

}  // namespace lorica
