#pragma once
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace lorica {

/// A mistake in what the user gave (a file, a recipe, an option). The message is one line that names the place and
/// the value: "recipe.yaml:12: adapter.r: expected a positive integer, got 'sixteen'". The program exits with 2.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(message) {}
  template <class First, class... Rest>
  Error(fmt::format_string<First, Rest...> format, First&& first, Rest&&... rest)
      : std::runtime_error(fmt::format(format, std::forward<First>(first), std::forward<Rest>(rest)...)) {}
};

/// A run that was well specified and still failed: disk full, a NaN in the loss, memory exhausted. The program exits
/// with 1.
class RunError : public Error {
 public:
  using Error::Error;
};

}  // namespace lorica
