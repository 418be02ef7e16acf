#pragma once
#include <string>
#include <vector>

#include "kernels/error.h"
#include "recipes/recipe.h"

namespace lorica::test {

/// A recipe that loads, seven lines long; `more` follows from line 8 on.
inline std::string minimal(const std::string& more = "") {
  return "model:\n  path: m\ndata:\n  train: t.jsonl\noutput: {dir: o}\ntrain:\n  max_steps: 10\n" + more;
}

/// The message of the Error that reading throws; empty where it loads.
inline std::string error_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    parse_recipe(text, "recipe.yaml", overrides);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace lorica::test
