#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "io/tokenizer/json_node.h"
#include "io/tokenizer/vocabulary.h"

namespace lorica {

/// The memory that one thread needs while a model works; each kind of model makes its own.
class ModelMemory {
 public:
  virtual ~ModelMemory() = default;
};

/// Turns a piece of text into ids.
class Model {
 public:
  virtual ~Model() = default;
  /// Appends the ids of `piece`, which is not empty. Safe to call from several threads, each with its own memory, which
  /// this model's make_memory() gave.
  virtual void tokenize(std::string_view piece, ModelMemory& memory, std::vector<int32_t>& ids) const = 0;
  virtual std::unique_ptr<ModelMemory> make_memory() const = 0;
  virtual const Vocabulary& vocabulary() const = 0;
};

/// The model that `node` describes: BPE, Unigram, WordPiece. Throws Error naming any other. `bytes`: pieces are bytes,
/// see ReadPreTokenizer.
std::unique_ptr<Model> read_model(const JsonNode& node, bool bytes);

}  // namespace lorica
