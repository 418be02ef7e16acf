#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace lorica {

/// The files that `path` stands for, sorted: the file itself, all data files of a folder and the folders in it, or what
/// a pattern with * ? [ matches. Throws Error, beginning with `place`, where a pattern matches nothing and where a
/// folder holds no data file.
std::vector<std::filesystem::path> source_files(const std::string& path, const std::string& place);

}  // namespace lorica
