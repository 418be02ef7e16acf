#pragma once
#include <memory>
#include <string>

#include "io/tokenizer/json_node.h"
#include "io/tokenizer/regex.h"

namespace lorica {

/// Rewrites text before it is split: the first stage of a tokenizer.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  /// Rewrites `text`, valid UTF-8 before and after. Returns false when what the text began with was taken away, so that
  /// what it begins with now came from further inside. Safe to call from several threads, each with its own memory.
  virtual bool apply(std::string& text, MatchMemory& memory) const = 0;
};

/// The normalizer that `node` describes: NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Replace, Prepend, Nmt,
/// ByteLevel, BertNormalizer, Precompiled, Sequence. Throws Error naming any other.
/// The tables of the four normal forms are utf8proc's, which are newer than the tokenizers package's: combining marks
/// that Unicode added lately may be ordered differently.
std::unique_ptr<Normalizer> read_normalizer(const JsonNode& node);

}  // namespace lorica
