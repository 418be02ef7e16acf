#include "recipes/version.h"

#include <fmt/format.h>

namespace lorica {

std::string version_text() { return fmt::format("lorica {}\ncompiler {}\n", LORICA_VERSION, __VERSION__); }

}  // namespace lorica
