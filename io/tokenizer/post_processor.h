#pragma once
#include <cstdint>
#include <vector>

#include "io/tokenizer/json_node.h"

namespace lorica {

/// The special tokens that stand before and after a text: what the last stage of encoding adds when it is asked to.
struct PostProcessor {
  std::vector<int32_t> before, after;
};

/// The post-processor that `node` describes: ByteLevel (which only moves offsets), TemplateProcessing,
/// RobertaProcessing, BertProcessing, Sequence. Throws Error naming any other.
PostProcessor read_post_processor(const JsonNode& node);

}  // namespace lorica
