#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kernels/tensor_view.h"

namespace lorica {

/// A tensor to be written. Either `view` has data, or `fill` makes it piece by piece: fill(first, rows, to) writes rows
/// [first, first + rows) of the tensor seen as [shape[0], everything else] to `to`, in view.dtype. Rows are asked for
/// in order.
struct TensorToWrite {
  std::string name;
  In view;
  std::function<void(int64_t first, int64_t rows, void* to)> fill = {};
};

/// Writes a safetensors file: the tensors in the order given, larger element types first so that each is aligned, the
/// header padded with spaces to 8 bytes. Memory beyond the views is one piece of a few megabytes (or one row). The file
/// appears under its name only when whole and synced. Throws RunError naming the path when it cannot be written (disk
/// full) and Error for a name given twice.
void write_safetensors(const std::filesystem::path& path, std::vector<TensorToWrite> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace lorica
