#pragma once
#include <gtest/gtest.h>

#include <cstdio>
#include <string>

#include "io/formats/safetensors.h"
#include "io/formats/safetensors_write.h"
#include "recipes/parity.h"
#include "tests/support/tiny_model.h"

namespace lorica::test {

struct Verdict {
  bool good;
  std::string report;
};
inline Verdict parity(const ParityOptions& options) {
  std::FILE* out = std::tmpfile();
  const bool good = run_parity(options, out);
  std::string report(static_cast<size_t>(std::ftell(out)), '\0');
  std::rewind(out);
  const size_t read = std::fread(report.data(), 1, report.size(), out);
  std::fclose(out);
  EXPECT_EQ(read, report.size());
  return {good, report};
}

inline ParityOptions options_for(const std::string& family) {
  return {.model = golden_folder(family), .golden = golden_folder(family) / "golden.safetensors"};
}

/// Copies a family's golden file to `folder` without the training and the greedy tokens: bf16 keeps 8 bits, ten AdamW
/// steps divide tiny gradients by their own size, and what is compared stops before them.
inline ParityOptions bf16_options(const std::string& family, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const SafetensorsFile whole(golden_folder(family) / "golden.safetensors");
  std::vector<TensorToWrite> kept;
  for (const SafetensorsEntry& entry : whole.entries())
    if (entry.dtype && !entry.name.starts_with("lora.train.") && entry.name != "greedy_ids")
      kept.push_back({.name = entry.name, .view = whole.tensor(entry.name)});
  write_safetensors(folder / "golden.safetensors", kept);
  ParityOptions options = options_for(family);
  options.golden = folder / "golden.safetensors";
  options.precision = Precision::kBf16;
  options.tolerance = 0.1;
  return options;
}

}  // namespace lorica::test
