#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/tokenizer/json_node.h"

namespace lorica {

/// Receives part of a token's text, whole UTF-8 characters; `ends`: the token ends here.
using TokenSink = FunctionRef<void(std::string_view text, bool ends)>;

/// One pass of a decoder over a row of tokens. A token may arrive in parts, so that text can be passed on while tokens
/// still come; decoding at once is the same pass with all tokens at hand.
class DecoderPass {
 public:
  virtual ~DecoderPass() = default;
  virtual void add(std::string_view text, bool ends, TokenSink sink) = 0;
  /// No more tokens come: passes on what was held back.
  virtual void finish(TokenSink sink) = 0;
};

/// A pass over whole tokens: gathers the parts of each.
class WholeTokenPass : public DecoderPass {
 public:
  void add(std::string_view text, bool ends, TokenSink sink) final {
    token_ += text;
    if (!ends) return;
    take(token_, sink);
    token_.clear();
  }
  void finish(TokenSink) override {}

 private:
  /// May change `token`, which is thrown away afterwards.
  virtual void take(std::string& token, TokenSink sink) = 0;
  std::string token_;
};

/// Turns tokens as they stand in the vocabulary into readable text.
class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual std::unique_ptr<DecoderPass> start() const = 0;
};

/// The decoder that `node` describes: ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace, WordPiece, BPEDecoder,
/// Sequence. Throws Error naming any other.
std::unique_ptr<Decoder> read_decoder(const JsonNode& node);

/// What stands in for a missing decoder: tokens with a space between them.
std::unique_ptr<Decoder> make_joining_decoder();

}  // namespace lorica
