#pragma once
#include "engine/model/lora.h"
#include "io/data/options.h"
#include "recipes/recipe.h"

namespace lorica {

/// f32 or bf16; auto picks bf16 where the CPU multiplies it in hardware.
Dtype resolve_precision(Precision precision);

/// A recipe's sections as the parts below take them.
LoraOptions lora_options(const Recipe& recipe);
DataOptions data_options(const Recipe& recipe);

}  // namespace lorica
