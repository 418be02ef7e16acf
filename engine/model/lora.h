#pragma once
#include <string>
#include <vector>

#include "engine/model/decoder.h"

namespace lorica {

/// An adapter as a recipe asks for it; names as in PEFT's LoraConfig.
struct LoraOptions {
  int64_t r = 16;
  double lora_alpha = 32;
  double lora_dropout = 0;
  bool use_rslora = false;
  /// Module names or path endings; empty: every linear layer but the head.
  std::vector<std::string> target_modules = {};
  std::vector<int> layers_to_transform = {};  ///< empty: all
  uint64_t seed = 0;
};

/// scale = alpha / r, or alpha / sqrt(r)
double lora_scale(int64_t r, double alpha, bool use_rslora);

/// Puts a fresh adapter on the layers that the options choose: A uniform in +-1 / sqrt(in) (PEFT's kaiming_uniform with
/// a = sqrt 5), B zero, from the seed and the module's number. Throws Error naming a target or layer that fits nothing.
void attach_lora(Decoder& model, const LoraOptions& options);

/// Puts an adapter with memory for A and B (not initialised) on one layer.
LoraAdapter& attach_lora(Decoder& model, LinearLayer& layer, int64_t r, double scale, double dropout);

/// The number of the block that a module path belongs to ("model.layers.12.mlp.up_proj": 12), or -1.
int block_number(const std::string& module);

/// Module names that target_modules may use, the last parts of the paths: q_proj, k_proj, ...
std::vector<std::string> linear_names(const Decoder& model);

}  // namespace lorica
