#pragma once
#include <ctime>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/chat_template/budget.h"
#include "io/chat_template/turn.h"

namespace lorica {

/// What a chat template sees besides the messages. The JSON members are pointers so that this header needs no JSON
/// library; null means "not given", which a template sees as none.
struct RenderOptions {
  bool add_generation_prompt = false;
  std::string bos_token, eos_token;
  std::shared_ptr<const nlohmann::ordered_json> tools;      ///< array of JSON schemas
  std::shared_ptr<const nlohmann::ordered_json> documents;  ///< array of objects
  std::shared_ptr<const nlohmann::ordered_json> extra;      ///< object of further variables: enable_thinking, ...
  std::optional<std::tm> now;                               ///< for strftime_now; the clock when absent
  jinja::Limits limits;
};

namespace jinja {
struct Template;
}

/// A chat template in Jinja, rendered byte for byte as Hugging Face Transformers does: sandboxed, trim_blocks,
/// lstrip_blocks, loop controls, its own tojson, raise_exception, strftime_now and {% generation %} blocks.
class ChatTemplate {
 public:
  /// Throws Error "ORIGIN:12: Encountered unknown tag 'x'." for a construct outside the language.
  ChatTemplate(std::string source, std::string origin);
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  /// `messages` is an array of objects. Throws Error "ORIGIN:12: MESSAGE" for what raise_exception or the rendering
  /// itself reports, and for a template that exceeds the limits.
  std::string render(const nlohmann::ordered_json& messages, const RenderOptions& options) const;

  struct Rendered {
    std::string text;
    std::vector<std::pair<size_t, size_t>> generation;  ///< byte ranges [first, last) inside {% generation %}, in order
    /// One for each message where the template writes turn by turn (find_turn_loop), else none; what render() gives for
    /// the messages up to it alone.
    std::vector<jinja::Turn> turns;
  };
  /// As render; throws Error also where a generation block's place in the text cannot be told (inside a macro).
  Rendered render_marked(const nlohmann::ordered_json& messages, const RenderOptions& options) const;

  const std::string& origin() const { return origin_; }
  /// content_hash() of the source.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  Rendered run(const nlohmann::ordered_json& messages, const RenderOptions& options, bool marked, bool turns) const;

  std::string origin_;
  std::string fingerprint_;
  std::unique_ptr<const jinja::Template> template_;
};

/// A model folder's chat template and the two tokens that templates print.
struct ModelTemplate {
  std::shared_ptr<const ChatTemplate> chat;
  std::string bos_token, eos_token;  ///< empty where the model has none
};

/// chat_template.jinja, else chat_template of tokenizer_config.json (a string, or the entry "default" of a list);
/// tokens from tokenizer_config.json, else special_tokens_map.json. `chat` is null where the folder has no template.
ModelTemplate load_chat_template(const std::filesystem::path& model_folder);

}  // namespace lorica
