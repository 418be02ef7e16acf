#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "kernels/tensor_view.h"

namespace lorica {

class MappedFile;

/// Types of metadata values; the numbers are those of the file.
enum class GgufValueType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };
std::string_view name_of(GgufValueType type);

/// Types of tensors; the numbers are those of the file. Types that Lorica cannot turn into floats are listed too, so
/// that a file that holds them can be described.
enum class GgmlType : uint32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q8_1 = 9,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  Q8_K = 15,
  IQ2_XXS = 16,
  IQ2_XS = 17,
  IQ3_XXS = 18,
  IQ1_S = 19,
  IQ4_NL = 20,
  IQ3_S = 21,
  IQ2_S = 22,
  IQ4_XS = 23,
  I8 = 24,
  I16 = 25,
  I32 = 26,
  I64 = 27,
  F64 = 28,
  IQ1_M = 29,
  BF16 = 30,
  TQ1_0 = 34,
  TQ2_0 = 35,
  MXFP4 = 39,
};
/// A row is stored as blocks of `elements` values in `bytes` bytes.
struct GgmlBlock {
  GgmlType type;
  std::string_view name;
  int64_t elements;
  int64_t bytes;
};
/// nullptr when the number is not a type.
const GgmlBlock* ggml_block(GgmlType type);

/// An array of metadata values: fixed-size elements stay in the file's little-endian bytes, strings are views into it.
struct GgufArray {
  GgufValueType type = GgufValueType::u8;
  uint64_t count = 0;
  std::string_view raw;                   // of fixed-size elements
  std::vector<std::string_view> strings;  // of strings
};
using GgufValue = std::variant<uint64_t, int64_t, double, bool, std::string_view, GgufArray>;

struct GgufEntry {
  std::string key;
  GgufValueType type;
  GgufValue value;
};

struct GgufTensor {
  std::string name;
  const GgmlBlock* block;
  Shape shape;             // outermost first, as in a safetensors file: the file's own order is the reverse
  std::string_view bytes;  // shape[0] * ... rows of shape[-1] / block->elements blocks
};

/// A GGUF file (versions 2 and 3, little-endian), mapped. Everything is checked when it is opened: counts, lengths,
/// types, alignment, bounds, overlaps and names given twice; nested arrays are refused, as llama.cpp does. Throws Error
/// "model.gguf: tensor 'blk.0.attn_q.weight': ...", or "model.gguf: metadata 'llama.block_count': ...".
class GgufFile {
 public:
  explicit GgufFile(const std::filesystem::path& path);
  /// Reads from memory, which must outlive the object; `origin` stands for the path in messages.
  GgufFile(std::string_view bytes, std::string origin);
  ~GgufFile();
  GgufFile(GgufFile&&) noexcept;

  const std::string& origin() const { return origin_; }
  uint32_t version() const { return version_; }
  uint64_t file_bytes() const { return bytes_.size(); }
  const std::vector<GgufEntry>& metadata() const { return metadata_; }
  const std::vector<GgufTensor>& tensors() const { return tensors_; }

  /// nullptr when there is none.
  const GgufTensor* find_tensor(std::string_view name) const;
  const GgufEntry* find(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }

  // Typed metadata. Each throws Error naming the key when it is missing (unless there is a fallback) or of another
  // kind. integer() takes every integer type, number() every float and integer type.
  int64_t integer(std::string_view key) const;
  int64_t integer(std::string_view key, int64_t fallback) const;
  double number(std::string_view key) const;
  std::string_view text(std::string_view key) const;
  bool flag(std::string_view key, bool fallback) const;
  const std::vector<std::string_view>& strings(std::string_view key) const;
  std::vector<int64_t> integers(std::string_view key) const;
  /// An array of f32.
  std::vector<float> floats(std::string_view key) const;

 private:
  void parse();
  void check_tensors(uint64_t data_begin, const std::vector<uint64_t>& offsets);
  const GgufEntry& expect(std::string_view key) const;

  std::unique_ptr<MappedFile> file_;
  std::string origin_;
  std::string_view bytes_;
  uint32_t version_ = 0;
  std::vector<GgufEntry> metadata_;
  std::vector<GgufTensor> tensors_;
  std::unordered_map<std::string_view, size_t> entry_of_, tensor_of_;
};

}  // namespace lorica
