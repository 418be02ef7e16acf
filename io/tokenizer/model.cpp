#include "io/tokenizer/model.h"

#include "io/tokenizer/bpe.h"
#include "kernels/error.h"

namespace lorica {

std::unique_ptr<Model> read_model(const JsonNode& node, bool bytes) {
  // Files written before the type was recorded are told by their merges.
  const auto type = node.find("type");
  if (!type && !node.find("merges")) node.fail("the model has no type");
  if (type && type->string() != "BPE") type->fail(fmt::format("model '{}' is not supported", type->string()));
  return std::make_unique<Bpe>(node, bytes);
}

}  // namespace lorica
