#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "io/data/finding.h"
#include "io/data/text_model.h"

namespace lorica {

/// A rendered conversation and where in it the assistant's replies stand.
struct MarkedText {
  std::string text;
  std::vector<ByteRange> replies;  ///< in order, apart from each other; each with its end-of-turn token, if it has one
  std::vector<Note> notes;         ///< where one is an error, the replies are not to be used
};

/// Finds the replies by what the template renders, never by knowing the template:
///  - {% generation %} blocks decide where the template has them;
///  - otherwise a reply is what the rendering up to its turn adds to the generation prompt before it;
///  - where later turns change how a reply is rendered (system text that moves, reasoning that is dropped), the reply
///    is found by rendering the conversation once more with a marker in its place. A reply whose reasoning the
///    template drops is not trained: it would teach answers without reasoning.
class ReplyFinder {
 public:
  /// `model.chat` must be there. Renders a small conversation to learn how a turn ends.
  explicit ReplyFinder(const TextModel& model);

  /// A message with "train": false is rendered and no reply of it is marked; the template does not see the key.
  MarkedText find(const nlohmann::ordered_json& messages, const ChatTools& tools) const;

  /// The end-of-turn tokens as written; the template's own comes first. Empty where none is known.
  const std::vector<std::string>& ends_of_turn() const { return ends_; }

 private:
  void learn_end_of_turn();
  struct Conversation;
  bool by_prefix(const Conversation& conversation, size_t index, MarkedText& marked) const;
  void by_marker(const Conversation& conversation, size_t index, MarkedText& marked) const;
  void by_blocks(const Conversation& conversation, const std::vector<ByteRange>& blocks, MarkedText& marked) const;
  ByteRange cut_after_end_of_turn(const std::string& text, ByteRange range) const;
  void note_missing_ends(MarkedText& marked) const;

  const TextModel model_;
  std::vector<std::string> ends_;
  std::string tail_;  // what follows a reply, up to and including its end-of-turn token
};

}  // namespace lorica
