#pragma once
#include <memory>

#include "io/tokenizer/normalizer.h"

namespace lorica {

/// BERT's cleaning: control characters go and all white space becomes spaces (clean_text), a space is put on both sides
/// of each Chinese character (handle_chinese_chars), nonspacing marks go after decomposition (strip_accents; where it
/// is absent, as `lowercase` says), capitals become small letters (lowercase).
std::unique_ptr<Normalizer> read_bert_normalizer(const JsonNode& node);

}  // namespace lorica
