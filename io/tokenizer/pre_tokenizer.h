#pragma once
#include <memory>
#include <string_view>

#include "io/tokenizer/function_ref.h"
#include "io/tokenizer/json_node.h"
#include "io/tokenizer/regex.h"

namespace lorica {

/// A stretch of text on its way to the model; `at_start`: it begins where the whole text begins.
struct Span {
  std::string_view text;
  bool at_start = false;
};

/// Receives one piece of text; the view ends with the call.
using PieceSink = FunctionRef<void(Span piece)>;

/// Cuts text into the pieces that the model tokenizes one by one.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// Calls `sink` for each piece of `text`, in order, never with an empty one. Safe to call from several threads, each
  /// with its own memory.
  virtual void split(Span text, MatchMemory& memory, PieceSink sink) const = 0;
};

/// A pre-tokenizer as read, null where it leaves the text whole. `bytes`: the pieces are the bytes of the text, and the
/// model has to read its vocabulary in the byte alphabet (io/tokenizer/byte_alphabet.h); this is how a ByteLevel that
/// comes last is run, at no cost a byte.
struct ReadPreTokenizer {
  std::unique_ptr<PreTokenizer> splitter;
  bool bytes = false;
};

/// The pre-tokenizer that `node` describes: ByteLevel, Split, Digits, Punctuation, Whitespace, WhitespaceSplit,
/// BertPreTokenizer, CharDelimiterSplit, Metaspace, Sequence. Throws Error naming any other.
ReadPreTokenizer read_pre_tokenizer(const JsonNode& node);

}  // namespace lorica
