#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/chat_template/turn.h"

namespace lorica {

/// Bytes [begin, end) of a text.
struct ByteRange {
  size_t begin = 0;
  size_t end = 0;
  bool operator==(const ByteRange&) const = default;
};

/// What reading data needs from a tokenizer. May be called from several threads at once.
class TextTokenizer {
 public:
  virtual ~TextTokenizer() = default;
  /// Token ids of `text`; special tokens written out in the text are recognised, and with add_special_tokens the
  /// tokenizer's own (a leading BOS, say) are added.
  virtual std::vector<int32_t> encode(std::string_view text, bool add_special_tokens) const = 0;
  /// Where in `text` each of its tokens `ids` starts, or nothing where that is not certain.
  virtual std::vector<size_t> starts(std::string_view text, std::span<const int32_t> ids) const = 0;
  /// The text of `ids`, special tokens kept.
  virtual std::string decode(std::span<const int32_t> ids) const = 0;
  virtual bool is_special(int32_t id) const = 0;
  /// The id of the token written `token`, if there is one.
  virtual std::optional<int32_t> id_of(std::string_view token) const = 0;
};

/// A rendered conversation; `generated` holds the ranges that the template itself marks as the model's words with
/// {% generation %}, and is empty where the template has no such block.
struct RenderedChat {
  std::string text;
  std::vector<ByteRange> generated;
  std::vector<jinja::Turn> turns = {};  ///< up to each message, or none where that is not known
};

/// JSON schemas of the tools that a conversation may call, as a list; null where there are none.
using ChatTools = std::shared_ptr<const nlohmann::ordered_json>;

/// What reading data needs from a chat template. Both functions throw Error with the template's own words where it
/// rejects a conversation, and may be called from several threads at once.
class ChatRenderer {
 public:
  virtual ~ChatRenderer() = default;
  /// The text of `messages`; with add_generation_prompt, up to where the model's next reply starts.
  virtual std::string render(const nlohmann::ordered_json& messages, const ChatTools& tools,
                             bool add_generation_prompt) const = 0;
  virtual RenderedChat render_marked(const nlohmann::ordered_json& messages, const ChatTools& tools) const = 0;
};

/// The text side of a model. `chat` is null where it has no chat template; the tokens are empty where it has none.
struct TextModel {
  const TextTokenizer* tokenizer = nullptr;
  const ChatRenderer* chat = nullptr;
  std::string bos_token;
  std::string eos_token;
  /// Unlike for text sides that may give unlike tokens; empty where that is not known, and then nothing is cached.
  std::string identity = {};
};

}  // namespace lorica
