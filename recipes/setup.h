#pragma once
#include "engine/model/lora.h"
#include "io/data/options.h"
#include "kernels/context.h"
#include "recipes/recipe.h"

namespace lorica {

/// auto takes a GPU where one can be used, else the CPU. Throws Error, beginning with `place`, for a GPU that is asked
/// for and not there.
Context open_device(DeviceChoice choice, const std::string& place);
/// f32 or bf16; auto picks bf16 on a GPU, and where the CPU multiplies it in hardware.
Dtype resolve_precision(Precision precision, Device device);

/// A recipe's sections as the parts below take them.
LoraOptions lora_options(const Recipe& recipe);
/// Throws Error where a folder or a pattern of the data section stands for no file.
DataOptions data_options(const Recipe& recipe);
/// The folder that data.cache names; empty: no cache.
std::filesystem::path cache_folder(const std::string& cache);

}  // namespace lorica
