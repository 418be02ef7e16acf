#pragma once
#include <string>

namespace lorica {

/// Versions of this program, its compiler and its numeric libraries, one a line: written into every run folder.
std::string version_text();

}  // namespace lorica
