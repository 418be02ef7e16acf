#pragma once
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lorica::test {

/// What the Python tokenizers package made of a text; see tests/data/README.md.
struct TokenizerGolden {
  std::string text;
  std::vector<int32_t> ids, ids_special;
  std::string decoded, decoded_clean;
};

inline std::vector<TokenizerGolden> read_tokenizer_golden(const std::filesystem::path& path) {
  std::vector<TokenizerGolden> goldens;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const nlohmann::json row = nlohmann::json::parse(line);
    goldens.push_back(
        {row.at("text"), row.at("ids"), row.at("ids_special"), row.at("decoded"), row.at("decoded_clean")});
  }
  return goldens;
}

/// The folder of large files that are not part of the repository: LORICA_SHARED, or ../shared beside it.
inline std::filesystem::path shared_folder() {
  const char* named = std::getenv("LORICA_SHARED");
  return named ? std::filesystem::path(named) : std::filesystem::path(SOURCE_ROOT) / ".." / "shared";
}

}  // namespace lorica::test
