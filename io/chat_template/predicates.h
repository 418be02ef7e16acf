#pragma once
#include <string>

#include "io/chat_template/runtime.h"

namespace lorica::jinja {

using Test = bool (*)(Runtime&, const Value& operand, const CallArguments& arguments);

/// The test of the name (`is defined`), or null.
Test find_test(const std::string& name);

}  // namespace lorica::jinja
