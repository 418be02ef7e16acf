#pragma once
#include <cstdint>
#include <string>

#include "io/data/dataset.h"

namespace lorica {

/// A page without scripts and without anything from elsewhere: the summary, and of the first `count` examples each
/// token with its id, trained or not. Everything of the data is escaped, and the page is UTF-8 whatever the tokens are:
/// those that make up one character are shown as one.
std::string preview_page(const LoadedData& loaded, const TextTokenizer& tokenizer, int64_t count);

}  // namespace lorica
