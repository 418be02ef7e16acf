#pragma once
#include "io/chat_template/text.h"

namespace lorica::jinja {

/// The case form of a code point that is one code point long itself.
char32_t simple_case(char32_t code, Case wanted);
/// The upper or title form of the few code points that become several ("ß" -> "SS"), else null.
const char* several_letter_case(char32_t code, Case wanted);
/// Case_Ignorable: marks, modifiers and apostrophes that a final sigma looks past.
bool is_case_ignorable(char32_t code);

}  // namespace lorica::jinja
