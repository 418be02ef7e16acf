#pragma once
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/data/finding.h"
#include "io/data/reply_ranges.h"
#include "io/data/text_model.h"

namespace lorica {

/// Which of `ids`, the tokens of the whole of `text`, start inside one of `ranges` (in order, apart from each other, at
/// character boundaries): 1 for those, 0 for the rest. A token that straddles a boundary belongs to where it starts.
std::vector<uint8_t> mask_tokens(const TextTokenizer& tokenizer, std::string_view text, const std::vector<int32_t>& ids,
                                 std::span<const ByteRange> ranges);

/// A conversation as token ids, with what to train marked.
struct EncodedConversation {
  std::string text;       ///< as rendered
  size_t prompt_end = 0;  ///< bytes of `text` before the first trained reply
  std::vector<int32_t> ids;
  std::vector<uint8_t> trained;  ///< 1 where the token is a target; ids.size() entries, the first always 0
  int64_t whole_tokens = 0;      ///< encode_input(): tokens before the text was cut to length
  std::vector<Note> notes;       ///< where one is an error, ids and trained are not to be used
};

/// Renders conversations with the model's chat template and marks the replies; without a template writes a prompt and
/// its response one after the other (the system text before them, two line ends between), the BOS token in front where
/// the tokenizer adds one, and the EOS token at the end.
class ConversationEncoder {
 public:
  /// What `model` points at must outlive the encoder.
  explicit ConversationEncoder(const TextModel& model);

  /// May be called from several threads at once.
  EncodedConversation encode(const nlohmann::ordered_json& messages, const ChatTools& tools = nullptr) const;

  /// Plain text as a document of its own: the BOS token where the tokenizer adds one, the text, the EOS token, so that
  /// the model learns where documents end. Everything but the first token is trained.
  EncodedConversation encode_text(std::string_view text) const;

  /// A text for a classifier, framed by the tokenizer and cut to max_tokens, with nothing trained.
  EncodedConversation encode_input(std::string_view text, int64_t max_tokens) const;

 private:
  MarkedText plain(const nlohmann::ordered_json& messages) const;
  void note_tokens(EncodedConversation& result) const;
  void note_special(std::string_view text, const std::string& place, EncodedConversation& result) const;

  const TextModel model_;
  std::unique_ptr<const ReplyFinder> finder_;  // null without a chat template
  int32_t bos_ = -1;                           // -1: the model has none
  bool adds_bos_ = false;                      // the tokenizer, in front of a text
};

}  // namespace lorica
