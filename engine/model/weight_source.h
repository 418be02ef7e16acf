#pragma once
#include <string>
#include <vector>

#include "kernels/tensor_view.h"

namespace lorica {

/// Where a model's weights come from: a safetensors folder in use, a table in tests. Views stay valid as long as the
/// source lives.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  virtual bool contains(const std::string& name) const = 0;
  /// Throws Error that names the file and the tensor when it is missing.
  virtual In tensor(const std::string& name) const = 0;
  /// What a model asks for when it is built; it checks the shape of what it gets. WeightList alone makes it up.
  virtual In weight(const std::string& name, const Shape& expected) const {
    (void)expected;
    return tensor(name);
  }
  virtual std::vector<std::string> names() const = 0;
  /// A hint that the tensor's pages may leave memory: it was copied and is not read again soon. It stays readable.
  virtual void done_with(const std::string& name) const { (void)name; }
  /// For messages: the folder or file.
  virtual std::string origin() const = 0;
};

}  // namespace lorica
