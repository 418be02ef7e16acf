#pragma once
#include <string>
#include <string_view>

#include "io/tokenizer/function_ref.h"

namespace lorica {

// Steps that normalizers share. Each returns what Normalizer::apply() returns.

/// Each character becomes what `write` appends for it.
bool rewrite_characters(std::string& text, FunctionRef<void(char32_t c, std::string& out)> write);
/// Takes the characters of a kind away.
bool remove_characters(std::string& text, FunctionRef<bool(char32_t c)> goes);
/// Capitals become small letters, one character at a time: no letter depends on its neighbours.
void lower_characters(std::string& text);

/// Puts `to` in the place of each `from`, which is not empty.
void replace_all(std::string& text, std::string_view from, std::string_view to);

}  // namespace lorica
