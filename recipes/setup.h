#pragma once
#include "engine/model/lora.h"
#include "io/data/options.h"
#include "recipes/recipe.h"

namespace lorica {

/// A recipe's sections as the parts below take them.
LoraOptions lora_options(const Recipe& recipe);
DataOptions data_options(const Recipe& recipe);

}  // namespace lorica
