#pragma once
#include <memory>
#include <string>

#include "io/tokenizer/json_node.h"

namespace lorica {

/// Rewrites text before it is split: the first stage of a tokenizer.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  /// Rewrites `text`, valid UTF-8 before and after. Safe to call from several threads.
  virtual void apply(std::string& text) const = 0;
};

/// The normalizer that `node` describes: NFC, NFD, NFKC, NFKD, Sequence. Throws Error naming any other.
/// The tables are utf8proc's, which are newer than the tokenizers package's: combining marks that Unicode added lately
/// may be ordered differently.
std::unique_ptr<Normalizer> read_normalizer(const JsonNode& node);

}  // namespace lorica
