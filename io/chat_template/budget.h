#pragma once
#include <cstddef>
#include <stdexcept>
#include <string>

namespace lorica::jinja {

/// What a template did wrong. `line` is 0 until the innermost expression or statement that knows its line fills it in.
/// It never leaves the ChatTemplate, which turns it into an Error that names the template.
class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& message, int at_line = 0) : std::runtime_error(message), line(at_line) {}
  int line;
};

/// What one rendering may spend before it is stopped, so that a hostile template can neither hang nor fill the memory.
struct Limits {
  size_t steps = 20'000'000;       ///< expressions, statements, loop rounds, elements compared or printed
  size_t bytes = size_t{1} << 29;  ///< text and list elements made, over the whole rendering
};

/// Counts down the limits of one rendering. Both calls throw Failure when nothing is left; `bytes` is called before
/// the memory is taken wherever a short template can ask for a lot.
class Budget {
 public:
  explicit Budget(const Limits& limits) : steps_(limits.steps), bytes_(limits.bytes) {}

  void step(size_t count = 1) {
    if (count > steps_) throw Failure("the template does not come to an end within the allowed number of steps");
    steps_ -= count;
  }

  void bytes(size_t count) {
    if (count > bytes_) throw Failure("the template makes more text than is allowed");
    bytes_ -= count;
  }

  /// `count` pieces of `size` bytes each, without overflow.
  void bytes(size_t count, size_t size) {
    if (size != 0 && count > bytes_ / size) throw Failure("the template makes more text than is allowed");
    bytes_ -= count * size;
  }

 private:
  size_t steps_;
  size_t bytes_;
};

}  // namespace lorica::jinja
