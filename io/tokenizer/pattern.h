#pragma once
#include "io/tokenizer/json_node.h"
#include "io/tokenizer/regex.h"

namespace lorica {

/// A pattern as a tokenizer.json writes it: {"String": text to find as it stands} or {"Regex": a regular expression}.
/// Throws Error naming the file and the key.
Regex read_pattern(const JsonNode& node);

}  // namespace lorica
