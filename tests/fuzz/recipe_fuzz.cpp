#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "kernels/error.h"
#include "recipes/recipe.h"

// Any bytes either load or throw Error; what loads is printed and loads again to the same recipe. The text before a
// 0x00 byte is the file, what follows it is one --set.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace lorica;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t end = bytes.find('\0');
  std::vector<std::string> overrides;
  if (end != std::string_view::npos) overrides.emplace_back(bytes.substr(end + 1));
  Recipe recipe;
  try {
    recipe = parse_recipe(bytes.substr(0, end), "recipe.yaml", overrides);
  } catch (const Error&) {
    return 0;
  }
  if (!(parse_recipe(resolved_yaml(recipe), "resolved") == recipe)) std::abort();
  return 0;
}
