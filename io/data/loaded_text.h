#pragma once
#include <memory>

#include "io/data/text_model.h"
#include "io/tokenizer/tokenizer.h"

namespace lorica {

/// A tokenizer as the functions of io/data take it.
std::unique_ptr<const TextTokenizer> text_tokenizer(std::shared_ptr<const Tokenizer> tokenizer);

}  // namespace lorica
