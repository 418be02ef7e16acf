#include <nlohmann/json.hpp>

#include "io/chat_template/chat_template.h"
#include "io/formats/file_bytes.h"
#include "kernels/error.h"

namespace lorica {

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

/// The file's JSON object, or an empty one when there is no such file.
json read_object(const fs::path& path) {
  if (!fs::exists(path)) return json::object();
  json object;
  try {
    object = json::parse(read_file(path));
  } catch (const json::exception& error) {
    throw Error("{}: {}", path.string(), error.what());
  }
  if (!object.is_object()) throw Error("{}: expected a JSON object", path.string());
  return object;
}

/// A token is a string, or an AddedToken object with its text under "content".
std::string token_text(const json& config, const char* key) {
  const auto found = config.find(key);
  if (found == config.end()) return "";
  if (found->is_string()) return found->get<std::string>();
  if (found->is_object() && found->contains("content") && (*found)["content"].is_string()) {
    return (*found)["content"].get<std::string>();
  }
  return "";
}

std::string default_template(const json& list, const fs::path& path) {
  for (const json& entry : list) {
    if (entry.is_object() && entry.value("name", json()) == "default" && entry.contains("template") &&
        entry["template"].is_string()) {
      return entry["template"].get<std::string>();
    }
  }
  throw Error("{}: chat_template: none of the {} templates is named \"default\"", path.string(), list.size());
}

}  // namespace

ModelTemplate load_chat_template(const fs::path& model_folder) {
  const fs::path own_file = model_folder / "chat_template.jinja", config_file = model_folder / "tokenizer_config.json";
  const json config = read_object(config_file);
  ModelTemplate result;
  if (fs::exists(own_file)) {
    result.chat = std::make_shared<const ChatTemplate>(read_file(own_file), own_file.string());
  } else if (const auto found = config.find("chat_template"); found != config.end() && !found->is_null()) {
    if (!found->is_string() && !found->is_array()) {
      throw Error("{}: chat_template: expected a string or a list of named templates", config_file.string());
    }
    std::string source = found->is_string() ? found->get<std::string>() : default_template(*found, config_file);
    result.chat = std::make_shared<const ChatTemplate>(std::move(source), config_file.string() + ": chat_template");
  } else {
    throw Error(
        "{}: no chat template: neither chat_template.jinja nor chat_template in tokenizer_config.json; give one "
        "with data.chat_template (a .jinja file)",
        model_folder.string());
  }
  const json map = read_object(model_folder / "special_tokens_map.json");
  const auto token = [&](const char* key) {
    const std::string text = token_text(config, key);
    return text.empty() && !config.contains(key) ? token_text(map, key) : text;
  };
  result.bos_token = token("bos_token");
  result.eos_token = token("eos_token");
  return result;
}

}  // namespace lorica
