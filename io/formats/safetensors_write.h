#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/tensor.h"

namespace lorica {

/// A tensor to be written. Either `view` has data, or `fill` makes it piece by piece: fill(first, rows, to) writes rows
/// [first, first + rows) of the tensor seen as [shape[0], everything else] to `to`, in view.dtype. Rows are asked for
/// in order.
struct TensorToWrite {
  std::string name;
  In view;
  std::function<void(int64_t first, int64_t rows, void* to)> fill = {};
  Tensor owner = {};  ///< of the view's memory, where nobody else keeps it
};
/// A tensor of any device, its values copied to the host where they are not there.
inline TensorToWrite tensor_to_write(std::string name, const Tensor& tensor) {
  Tensor values = host_copy(tensor);
  return {.name = std::move(name), .view = values.in(), .owner = std::move(values)};
}

/// Writes a safetensors file: the tensors in the order given, larger element types first so that each is aligned, the
/// header padded with spaces to 8 bytes. Memory beyond the views is one piece of a few megabytes (or one row). The file
/// appears under its name only when whole and synced. Throws RunError naming the path when it cannot be written (disk
/// full) and Error for a name given twice.
void write_safetensors(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace lorica
