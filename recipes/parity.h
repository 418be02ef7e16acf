#pragma once
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>

#include "recipes/recipe.h"
#include "recipes/setup.h"

namespace lorica {

/// How the reference trained; from about.json beside the golden file where it is there, else from flags.
struct ParityTraining {
  double learning_rate = 1e-2;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay = 0;
  double max_grad_norm = 1;
};

struct ParityOptions {
  std::filesystem::path model, golden;
  std::filesystem::path adapter = {};  ///< empty: the folder "adapter" of the model folder, if it is there
  double tolerance = 1e-4;
  Precision precision = Precision::kF32;
  DeviceOptions on = {};
  bool graphs = true;                           ///< lora.train.* by recorded steps, where the device has them
  std::optional<ParityTraining> training = {};  ///< overrides about.json
};

/// Compares this engine with the numbers in the golden file (layout in docs/parity.md), prints a line for each group to
/// `out`, and says whether all that were there are within the tolerance. Throws Error for a file that does not fit the
/// model.
bool run_parity(const ParityOptions& options, std::FILE* out = stdout);

}  // namespace lorica
