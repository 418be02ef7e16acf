#include "io/formats/safetensors_folder.h"

#include <map>
#include <nlohmann/json.hpp>

#include "io/formats/file_bytes.h"
#include "io/formats/printable.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;
constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

/// weight_map in the order of the file; a key given twice is an error, which a parsed document would not show.
class WeightMapListener : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit WeightMapListener(std::string origin) : origin_(std::move(origin)) {}

  std::vector<std::pair<std::string, std::string>> weight_map;
  bool seen = false;

  bool null() override { return other_value(); }
  bool boolean(bool) override { return other_value(); }
  bool number_integer(number_integer_t) override { return other_value(); }
  bool number_unsigned(number_unsigned_t) override { return other_value(); }
  bool number_float(number_float_t, const string_t&) override { return other_value(); }
  bool binary(binary_t&) override { return other_value(); }
  bool string(string_t& value) override {
    if (!in_map()) return other_value();
    weight_map.emplace_back(key_, std::move(value));
    return true;
  }
  bool start_object(size_t) override {
    if (in_map()) return other_value();
    if (depth_ == 1 && key_ == "weight_map") seen = inside_ = true;
    ++depth_;
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1) inside_ = false;
    return true;
  }
  bool start_array(size_t) override {
    if (in_map() || depth_ == 0) return other_value();
    ++depth_;
    return true;
  }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool key(string_t& name) override {
    key_ = name;
    if (depth_ == 1 && name == "weight_map" && seen) throw Error("{}: weight_map: given twice", origin_);
    if (in_map() && !names_.insert({name, true}).second)
      throw Error("{}: tensor '{}': given twice", origin_, printable(name));
    return true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    throw Error("{}: not valid JSON at byte {}", origin_, position);
  }

 private:
  bool in_map() const { return inside_ && depth_ == 2; }
  bool other_value() const {
    if (depth_ == 0) throw Error("{}: expected a JSON object", origin_);
    if (in_map()) throw Error("{}: tensor '{}': expected the name of a shard", origin_, printable(key_));
    return true;
  }

  std::string origin_, key_;
  int depth_ = 0;
  bool inside_ = false;
  std::map<std::string, bool> names_;
};

}  // namespace

SafetensorsFolder::SafetensorsFolder(const fs::path& folder) : origin_(folder.string()) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) throw Error("{}: not a folder", origin_);
  if (fs::exists(folder / kSingle, error)) {
    files_.push_back(std::make_unique<SafetensorsFile>(folder / kSingle));
    for (const SafetensorsEntry& entry : files_[0]->entries()) {
      names_.push_back(entry.name);
      file_of_.emplace(entry.name, files_[0].get());
    }
    return;
  }
  if (!fs::exists(folder / kIndex, error)) throw Error("{}: has neither {} nor {}", origin_, kSingle, kIndex);
  read_index(folder, folder / kIndex);
}

void SafetensorsFolder::read_index(const fs::path& folder, const fs::path& index) {
  const std::string bytes = read_file(index);
  WeightMapListener listener(index.string());
  nlohmann::json::sax_parse(bytes, &listener);
  if (!listener.seen) throw Error("{}: weight_map: missing", index.string());

  std::map<std::string, const SafetensorsFile*> opened;
  for (const auto& [name, shard] : listener.weight_map) {
    const SafetensorsFile*& file = opened[shard];
    if (!file) {
      // a shard is a plain name: a path could read a file that is not part of the model
      if (shard.empty() || shard == "." || shard == ".." ||
          shard.find_first_of(std::string("/\\\0", 3)) != std::string::npos)
        throw Error("{}: tensor '{}': shard '{}' is not the name of a file in the folder", index.string(),
                    printable(name), printable(shard));
      std::error_code error;
      if (!fs::exists(folder / shard, error))
        throw Error("{}: tensor '{}': shard '{}' is missing", index.string(), printable(name), printable(shard));
      files_.push_back(std::make_unique<SafetensorsFile>(folder / shard));
      file = files_.back().get();
    }
    if (!file->find(name))
      throw Error("{}: tensor '{}': missing in its shard '{}'", index.string(), printable(name), printable(shard));
    names_.push_back(name);
    file_of_.emplace(name, file);
  }
}

In SafetensorsFolder::tensor(const std::string& name) const {
  const auto found = file_of_.find(name);
  if (found == file_of_.end()) throw Error("{}: tensor '{}': missing", origin_, printable(name));
  return found->second->tensor(name);
}

}  // namespace lorica
