#pragma once
#include <cstddef>
#include <string>

namespace lorica::jinja {

/// What is rendered of a conversation's first messages alone: the first `end` bytes of the whole text, and then
/// `close`, or `prompt` with a generation prompt.
struct Turn {
  size_t end = 0;
  std::string close, prompt;
};

}  // namespace lorica::jinja
