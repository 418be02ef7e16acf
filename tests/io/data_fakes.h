#pragma once
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "io/data/text_model.h"
#include "kernels/error.h"

namespace lorica::fake {

using Json = nlohmann::ordered_json;

/// Splits text into special tokens, runs of letters with the blank before them, runs of line ends, and single bytes:
/// enough like BPE that a run of line ends may straddle a boundary. Ids are given out as pieces are met.
class Tokenizer : public TextTokenizer {
 public:
  explicit Tokenizer(std::vector<std::string> specials, bool add_bos = false) : add_bos_(add_bos) {
    for (const auto& special : specials) id_for(special);
    specials_ = std::move(specials);
  }

  std::vector<int32_t> encode(std::string_view text, bool add_special_tokens) const override {
    std::vector<int32_t> ids;
    if (add_special_tokens && add_bos_) ids.push_back(0);
    while (!text.empty()) {
      const size_t length = piece_length(text);
      ids.push_back(id_for(std::string(text.substr(0, length))));
      text.remove_prefix(length);
    }
    return ids;
  }
  std::vector<size_t> starts(std::string_view, std::span<const int32_t> ids) const override {
    std::vector<size_t> starts;
    for (size_t i = 0; tells_starts && i < ids.size(); ++i) starts.push_back(decode(ids.first(i)).size());
    return starts;
  }
  std::string decode(std::span<const int32_t> ids) const override {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const int32_t id : ids) text += pieces_.at(static_cast<size_t>(id));
    return text;
  }
  bool is_special(int32_t id) const override { return id < static_cast<int32_t>(specials_.size()); }
  std::optional<int32_t> id_of(std::string_view token) const override {
    const auto found = std::find(specials_.begin(), specials_.end(), token);
    if (found == specials_.end()) return std::nullopt;
    return static_cast<int32_t>(found - specials_.begin());
  }

  bool tells_starts = false;

 private:
  size_t piece_length(std::string_view text) const {
    for (const auto& special : specials_) {
      if (text.starts_with(special)) return special.size();
    }
    const auto letter = [&](size_t i) { return i < text.size() && std::isalpha(static_cast<unsigned char>(text[i])); };
    size_t length = text[0] == ' ' && letter(1) ? 1 : 0;
    while (letter(length)) ++length;
    if (length > 0) return length;
    while (length < text.size() && text[length] == '\n') ++length;
    return std::max<size_t>(length, 1);
  }
  int32_t id_for(const std::string& piece) const {
    const std::lock_guard lock(mutex_);
    const auto [at, added] = ids_.emplace(piece, static_cast<int32_t>(pieces_.size()));
    if (added) pieces_.push_back(piece);
    return at->second;
  }

  mutable std::mutex mutex_;
  bool add_bos_;
  std::vector<std::string> specials_;
  mutable std::map<std::string, int32_t> ids_;
  mutable std::vector<std::string> pieces_;
};

/// A chat template written as a C++ function.
class Chat : public ChatRenderer {
 public:
  using Render = std::function<std::string(const Json& messages, bool add_generation_prompt)>;
  explicit Chat(Render render, std::vector<std::string> generated = {})
      : render_(std::move(render)), generated_(std::move(generated)) {}

  std::string render(const Json& messages, const ChatTools& tools, bool add_generation_prompt) const override {
    return (tools ? "<tools>" + tools->dump() + "\n" : "") + render_(messages, add_generation_prompt);
  }
  /// The generated ranges are where the texts given to the constructor stand.
  RenderedChat render_marked(const Json& messages, const ChatTools& tools) const override {
    RenderedChat chat{render(messages, tools, false), {}};
    for (const auto& text : generated_) {
      const size_t at = chat.text.find(text);
      if (at != std::string::npos) chat.generated.push_back({at, at + text.size()});
    }
    return chat;
  }

 private:
  Render render_;
  std::vector<std::string> generated_;
};

inline std::string role(const Json& message) { return message["role"]; }
inline std::string content(const Json& message) { return message["content"]; }

/// <|im_start|>role\ncontent<|im_end|>\n, as Qwen and SmolLM2 have it.
inline std::string chatml(const Json& messages, bool prompt) {
  std::string text;
  for (const auto& m : messages) text += "<|im_start|>" + role(m) + "\n" + content(m) + "<|im_end|>\n";
  return text + (prompt ? "<|im_start|>assistant\n" : "");
}

/// Roles must alternate, as in Gemma's template.
inline std::string strict(const Json& messages, bool prompt) {
  for (size_t i = 0; i < messages.size(); ++i) {
    if ((role(messages[i]) == "user") != (i % 2 == 0)) throw Error("Conversation roles must alternate");
  }
  if (messages.empty()) throw Error("Conversation roles must alternate");
  return "<bos>" + chatml(messages, prompt);
}

inline Json message(const std::string& who, const std::string& text) { return {{"role", who}, {"content", text}}; }
inline Json user(const std::string& text) { return message("user", text); }
inline Json assistant(const std::string& text) { return message("assistant", text); }
inline Json system(const std::string& text) { return message("system", text); }

/// A folder that is removed at the end of the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "lorica_data_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path write(const std::string& name, std::string_view bytes) const {
    std::ofstream(path_ / name, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path_ / name;
  }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace lorica::fake
