#include "io/formats/describe.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "io/formats/file_bytes.h"
#include "io/formats/gguf.h"
#include "io/formats/printable.h"
#include "io/formats/safetensors_folder.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Rows of cells, each column as wide as its widest cell.
class Table {
 public:
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const {
    std::vector<size_t> widths;
    for (const auto& row : rows_)
      for (size_t i = 0; i < row.size(); ++i) {
        if (i == widths.size()) widths.push_back(0);
        if (i + 1 < row.size()) widths[i] = std::max(widths[i], row[i].size());
      }
    std::string result;
    for (const auto& row : rows_) {
      for (size_t i = 0; i < row.size(); ++i)
        result += i + 1 < row.size() ? fmt::format("{:<{}}  ", row[i], widths[i]) : row[i];
      result += '\n';
    }
    return result;
  }

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// 134515008 -> "134,515,008"
std::string grouped(uint64_t n) {
  const std::string digits = std::to_string(n);
  std::string result;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) result += ',';
    result += digits[i];
  }
  return result;
}

std::string size_text(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{} bytes", bytes);
  const char* units[] = {"KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(units); ++unit) value /= 1024;
  return fmt::format("{:.1f} {} ({} bytes)", value, units[unit], grouped(bytes));
}

/// "BF16 201, F32 3"
std::string counts_text(const std::map<std::string, int>& counts) {
  std::vector<std::string> parts;
  for (const auto& [name, count] : counts) parts.push_back(fmt::format("{} {}", name, count));
  return fmt::format("{}", fmt::join(parts, ", "));
}

/// Parameters, bytes and dtypes over tensors.
struct Totals {
  uint64_t tensors = 0, parameters = 0, bytes = 0;
  std::map<std::string, int> dtypes;

  void add(const SafetensorsEntry& entry) {
    ++tensors;
    parameters += static_cast<uint64_t>(entry.elements());
    bytes += entry.end - entry.begin;
    ++dtypes[entry.dtype_name];
  }
  void add_rows(Table& table) const {
    table.add({"tensors", grouped(tensors)});
    table.add({"parameters", grouped(parameters)});
    table.add({"dtypes", counts_text(dtypes)});
  }
};

std::string describe_safetensors(const fs::path& path) {
  const SafetensorsFile file(path);
  Totals totals;
  Table facts, tensors;
  for (const SafetensorsEntry& entry : file.entries()) {
    totals.add(entry);
    tensors.add({printable(entry.name), entry.dtype_name, fmt::format("[{}]", fmt::join(entry.sizes, ", "))});
  }
  facts.add({"format", "safetensors"});
  facts.add({"size", size_text(file.file_bytes())});
  totals.add_rows(facts);
  for (const auto& [key, value] : file.metadata())
    facts.add({"metadata", fmt::format("{} = {}", printable(key), printable(value))});
  return facts.text() + "\n" + tensors.text();
}

std::string value_text(const GgufEntry& entry) {
  struct Visitor {
    std::string operator()(uint64_t v) const { return std::to_string(v); }
    std::string operator()(int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return fmt::format("{}", static_cast<float>(v)); }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::string_view v) const { return printable(v); }
    std::string operator()(const GgufArray& v) const { return fmt::format("{} {}", v.count, name_of(v.type)); }
  };
  return std::visit(Visitor{}, entry.value);
}

std::string describe_gguf(const fs::path& path) {
  const GgufFile file(path);
  Table facts, metadata, tensors;
  uint64_t parameters = 0;
  std::map<std::string, int> types;
  for (const GgufEntry& entry : file.metadata())
    metadata.add({printable(entry.key), std::string(name_of(entry.type)), value_text(entry)});
  for (const GgufTensor& tensor : file.tensors()) {
    parameters += static_cast<uint64_t>(tensor.shape.elements());
    ++types[std::string(tensor.block->name)];
    tensors.add({printable(tensor.name), std::string(tensor.block->name), tensor.shape.text()});
  }
  facts.add({"format", fmt::format("GGUF version {}", file.version())});
  facts.add({"size", size_text(file.file_bytes())});
  facts.add({"tensors", grouped(file.tensors().size())});
  facts.add({"parameters", grouped(parameters)});
  facts.add({"types", counts_text(types)});
  return facts.text() + "\n" + metadata.text() + "\n" + tensors.text();
}

json read_json(const fs::path& path) {
  try {
    json document = json::parse(read_file(path));
    if (document.is_object()) return document;
  } catch (const json::parse_error& error) {
    throw Error("{}: not valid JSON at byte {}", path.string(), error.byte);
  }
  throw Error("{}: expected a JSON object", path.string());
}

/// A value as a person would write it: strings bare, lists with commas.
std::string plain(const json& value) {
  if (value.is_string()) return printable(value.get_ref<const std::string&>());
  if (!value.is_array()) return printable(value.dump(-1, ' ', false, json::error_handler_t::replace));
  std::vector<std::string> items;
  for (const json& item : value) items.push_back(plain(item));
  return fmt::format("{}", fmt::join(items, ", "));
}

/// Adds a row for the first of `keys` that the object has.
void add_fact(Table& table, const json& object, const char* label, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto found = object.find(key);
    if (found == object.end() || found->is_null()) continue;
    table.add({label, plain(*found)});
    return;
  }
}

std::string tokenizer_text(const fs::path& folder) {
  const fs::path path = folder / "tokenizer.json";
  if (!fs::exists(path))
    return fs::exists(folder / "tokenizer.model") ? "tokenizer.model (not tokenizer.json)" : "none";
  const json tokenizer = read_json(path);
  const json model = tokenizer.value("model", json::object());
  if (!model.is_object() || !model.contains("vocab")) throw Error("{}: model.vocab: missing", path.string());
  std::set<std::string> tokens;
  for (const auto& [token, id] : model["vocab"].items())
    tokens.insert(id.is_array() && !id.empty() ? plain(id[0]) : token);  // Unigram lists [token, score]
  size_t count = model["vocab"].size();
  for (const json& added : tokenizer.value("added_tokens", json::array()))
    if (added.is_object() && added.contains("content") && !tokens.contains(plain(added["content"]))) ++count;
  return fmt::format("{}, {} tokens", plain(model.value("type", json("BPE"))), grouped(count));
}

bool has_chat_template(const fs::path& folder) {
  if (fs::exists(folder / "chat_template.jinja") || fs::exists(folder / "chat_template.json")) return true;
  const fs::path config = folder / "tokenizer_config.json";
  return fs::exists(config) && read_json(config).contains("chat_template");
}

std::string describe_model(const fs::path& folder) {
  const json config = read_json(folder / "config.json");
  Table facts;
  facts.add({"kind", "model folder"});
  add_fact(facts, config, "family", {"model_type"});
  add_fact(facts, config, "architecture", {"architectures"});
  add_fact(facts, config, "layers", {"num_hidden_layers", "n_layer"});
  add_fact(facts, config, "width", {"hidden_size", "n_embd"});
  add_fact(facts, config, "heads", {"num_attention_heads", "n_head"});
  add_fact(facts, config, "key/value heads", {"num_key_value_heads"});
  add_fact(facts, config, "head width", {"head_dim"});
  add_fact(facts, config, "feed-forward width", {"intermediate_size", "n_inner"});
  add_fact(facts, config, "vocabulary", {"vocab_size"});
  add_fact(facts, config, "context", {"max_position_embeddings", "n_positions"});
  add_fact(facts, config, "tied embeddings", {"tie_word_embeddings"});
  if (fs::exists(folder / "model.safetensors") || fs::exists(folder / "model.safetensors.index.json")) {
    const SafetensorsFolder weights(folder);
    Totals totals;
    uint64_t bytes = 0;
    for (const auto& file : weights.files()) {
      bytes += file->file_bytes();
      for (const SafetensorsEntry& entry : file->entries()) totals.add(entry);
    }
    totals.add_rows(facts);
    facts.add({"files", grouped(weights.files().size())});
    facts.add({"size", size_text(bytes)});
  } else {
    facts.add({"weights", "none (no model.safetensors)"});
  }
  facts.add({"tokenizer", tokenizer_text(folder)});
  facts.add({"chat template", has_chat_template(folder) ? "yes" : "no"});
  return facts.text();
}

std::string describe_adapter(const fs::path& folder) {
  const json config = read_json(folder / "adapter_config.json");
  Table facts, tensors;
  facts.add({"kind", "adapter folder"});
  add_fact(facts, config, "type", {"peft_type"});
  add_fact(facts, config, "task", {"task_type"});
  add_fact(facts, config, "base model", {"base_model_name_or_path"});
  add_fact(facts, config, "rank", {"r"});
  add_fact(facts, config, "alpha", {"lora_alpha"});
  add_fact(facts, config, "dropout", {"lora_dropout"});
  add_fact(facts, config, "targets", {"target_modules"});
  add_fact(facts, config, "rsLoRA", {"use_rslora"});
  add_fact(facts, config, "DoRA", {"use_dora"});
  add_fact(facts, config, "whole modules", {"modules_to_save"});
  const fs::path weights = folder / "adapter_model.safetensors";
  if (fs::exists(weights)) {
    const SafetensorsFile file(weights);
    Totals totals;
    for (const SafetensorsEntry& entry : file.entries()) {
      totals.add(entry);
      tensors.add({printable(entry.name), entry.dtype_name, fmt::format("[{}]", fmt::join(entry.sizes, ", "))});
    }
    totals.add_rows(facts);
    facts.add({"size", size_text(file.file_bytes())});
  } else {
    facts.add({"weights", "none (no adapter_model.safetensors)"});
  }
  return facts.text() + "\n" + tensors.text();
}

}  // namespace

std::string describe_path(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    if (fs::exists(path / "adapter_config.json", error)) return describe_adapter(path);
    if (fs::exists(path / "config.json", error)) return describe_model(path);
    throw Error("{}: has neither config.json (a model) nor adapter_config.json (an adapter)", path.string());
  }
  std::string start;
  {
    const MappedFile file(path);
    start = file.bytes().substr(0, 4);
  }
  if (start == "GGUF") return describe_gguf(path);
  if (path.extension() == ".safetensors") return describe_safetensors(path);
  throw Error("{}: expected a .safetensors file, a GGUF file, a model folder or an adapter folder", path.string());
}

}  // namespace lorica
