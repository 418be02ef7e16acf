#include "io/tokenizer/model.h"

#include "io/tokenizer/bpe.h"
#include "io/tokenizer/unigram.h"
#include "io/tokenizer/wordpiece.h"
#include "kernels/error.h"

namespace lorica {

std::unique_ptr<Model> read_model(const JsonNode& node, bool bytes) {
  // Files written before the type was recorded are told by what else they hold.
  const auto named = node.find("type");
  const std::string type = named                                   ? named->string()
                           : node.find("merges")                   ? "BPE"
                           : node.find("max_input_chars_per_word") ? "WordPiece"
                           : node.find("unk_id")                   ? "Unigram"
                                                                   : "";
  if (type == "BPE") return std::make_unique<Bpe>(node, bytes);
  if (type == "Unigram") return std::make_unique<Unigram>(node, bytes);
  if (type == "WordPiece") return std::make_unique<WordPiece>(node, bytes);
  if (!named) node.fail("the model has no type");
  named->fail(fmt::format("model '{}' is not supported", type));
}

}  // namespace lorica
