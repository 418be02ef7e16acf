#pragma once
#include "io/chat_template/ast.h"

namespace lorica::jinja {

/// Finds the one loop over `messages` of a template that writes a conversation turn by turn: what it writes up to a
/// message cannot depend on the messages after it, and what it writes after the loop depends on add_generation_prompt
/// and the model's tokens alone. `index`: the loop's place in `body`. Null for any other template, and for one of which
/// that is not certain.
const For* find_turn_loop(const Block& body, size_t& index);

}  // namespace lorica::jinja
