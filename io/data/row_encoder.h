#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "io/data/conversation.h"
#include "io/data/example.h"
#include "io/data/options.h"
#include "io/data/rows.h"

namespace lorica {

/// A row after the template and the tokenizer.
struct EncodedRow {
  Example example;  ///< file, line, slice and source are there even where the row is not usable
  std::vector<Note> notes;
  int64_t whole_tokens = 0;  ///< of a text to classify, before it was cut to length
  std::string label;         ///< the class's name, if it has one
  bool is_row = false;       ///< and not a fault of the whole file
  bool usable = false;       ///< the example can be trained on
  bool is_text = false;      ///< plain text rather than a conversation
  uint64_t whole_hash = 0;   ///< of the text with its prompt; 0 where there is no text
  uint64_t prompt_hash = 0;  ///< of what comes before the first trained reply; 0 where there is none
};

/// Encodes the rows of some sources, each with its own chat template.
class RowEncoder {
 public:
  /// What `model` points at must outlive the encoder. Throws Error for a template that cannot be read, and for a source
  /// of chats without any.
  RowEncoder(const std::vector<DataSource>& sources, const TextModel& model, int64_t max_tokens);

  /// `source` is the index of the row's source. May be called from several threads at once.
  EncodedRow encode(Row&& row, size_t source) const;

 private:
  EncodedConversation encode_with(const ConversationEncoder& encoder, const Row& row) const;

  struct OwnTemplate {
    std::unique_ptr<const ChatRenderer> chat;
    std::unique_ptr<const ConversationEncoder> encoder;
  };
  const int64_t max_tokens_;
  std::unique_ptr<const ConversationEncoder> model_encoder_;
  std::map<std::string, OwnTemplate> own_;  // by the template's path
  std::vector<const ConversationEncoder*> encoders_;
};

/// The memory that a row takes, roughly.
size_t bytes_of(const Row& row);

}  // namespace lorica
