#pragma once
#include <memory>
#include <string_view>

#include "io/tokenizer/normalizer.h"

namespace lorica {

/// Unicode's normal form "NFC", "NFD", "NFKC" or "NFKD"; null for another name.
std::unique_ptr<Normalizer> make_normal_form(std::string_view name);

}  // namespace lorica
