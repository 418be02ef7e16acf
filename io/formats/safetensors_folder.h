#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/model/weight_source.h"
#include "io/formats/safetensors.h"

namespace lorica {

/// The weights of a Hugging Face model folder: model.safetensors, or the shards that model.safetensors.index.json names
/// (its weight_map is checked: every shard exists inside the folder and holds the tensors that the map gives it). Where
/// both are there the single file is read, as Transformers does. Tensors that a shard holds beyond the map are not
/// seen. Throws Error "FOLDER/model.safetensors.index.json: tensor 'x': ...".
class SafetensorsFolder : public WeightSource {
 public:
  explicit SafetensorsFolder(const std::filesystem::path& folder);

  bool contains(const std::string& name) const override { return file_of_.contains(name); }
  In tensor(const std::string& name) const override;
  std::vector<std::string> names() const override { return names_; }
  std::string origin() const override { return origin_; }
  void done_with(const std::string& name) const override { file_of_.at(name)->done_with(name); }

  const std::vector<std::unique_ptr<SafetensorsFile>>& files() const { return files_; }

 private:
  void read_index(const std::filesystem::path& folder, const std::filesystem::path& index);

  std::string origin_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, const SafetensorsFile*> file_of_;
};

}  // namespace lorica
