#pragma once
#include <string_view>

#include "io/chat_template/ast.h"

namespace lorica::jinja {

/// Throws Failure with the line for a construct outside the language, in Jinja's words where Jinja refuses it too.
Template parse(std::string_view source);

}  // namespace lorica::jinja
