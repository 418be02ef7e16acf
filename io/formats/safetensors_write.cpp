#include "io/formats/safetensors_write.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "io/formats/file_bytes.h"
#include "io/formats/printable.h"
#include "io/formats/safetensors_dtype.h"

namespace lorica {
namespace {

constexpr int64_t kPieceBytes = 4 << 20;

std::string_view dtype_name(Dtype dtype) {
  for (const auto& known : kSafetensorsDtypes)
    if (known.dtype == dtype) return known.name;
  throw Error("safetensors has no dtype {}", name_of(dtype));
}

std::string_view as_bytes(const void* data, int64_t n) {
  return {static_cast<const char*>(data), static_cast<size_t>(n)};
}

std::string header_of(const std::vector<TensorToWrite>& tensors, const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  int64_t at = 0;
  for (const TensorToWrite& tensor : tensors) {
    const In& view = tensor.view;
    nlohmann::ordered_json sizes = nlohmann::ordered_json::array();
    for (int i = 0; i < view.shape.rank(); ++i) sizes.push_back(view.shape[i]);
    header[tensor.name] = {
        {"dtype", dtype_name(view.dtype)}, {"shape", sizes}, {"data_offsets", {at, at + view.bytes()}}};
    at += view.bytes();
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

void write_filled(AtomicFile& file, const TensorToWrite& tensor, std::vector<char>& piece) {
  const int64_t rows = tensor.view.shape[0];
  if (tensor.view.bytes() == 0) return;
  const int64_t row_bytes = tensor.view.bytes() / rows;
  const int64_t rows_each = std::clamp<int64_t>(kPieceBytes / row_bytes, 1, rows);
  piece.resize(static_cast<size_t>(std::max<int64_t>(static_cast<int64_t>(piece.size()), rows_each * row_bytes)));
  for (int64_t first = 0; first < rows; first += rows_each) {
    const int64_t n = std::min(rows_each, rows - first);
    tensor.fill(first, n, piece.data());
    file.write(as_bytes(piece.data(), n * row_bytes));
  }
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::set<std::string_view> names{"__metadata__"};
  for (const TensorToWrite& tensor : tensors) {
    if (!names.insert(tensor.name).second)
      throw Error("{}: tensor '{}': given twice or a reserved name", path.string(), printable(tensor.name));
    if (!tensor.view) throw Error("{}: tensor '{}': has no shape", path.string(), printable(tensor.name));
  }
  std::stable_sort(tensors.begin(), tensors.end(), [](const TensorToWrite& a, const TensorToWrite& b) {
    return size_of(a.view.dtype) > size_of(b.view.dtype);
  });

  const std::string header = header_of(tensors, metadata);
  const uint64_t header_bytes = header.size();
  AtomicFile file(path);
  file.write(as_bytes(&header_bytes, sizeof header_bytes));
  file.write(header);
  std::vector<char> piece;
  for (const TensorToWrite& tensor : tensors) {
    if (tensor.fill)
      write_filled(file, tensor, piece);
    else
      file.write(as_bytes(tensor.view.data, tensor.view.bytes()));
  }
  file.commit();
}

}  // namespace lorica
