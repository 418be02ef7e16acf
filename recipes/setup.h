#pragma once
#include "engine/model/lora.h"
#include "io/data/options.h"
#include "kernels/context.h"
#include "recipes/recipe.h"

namespace lorica {

/// Where a model runs, and how the keys of this choice are called in messages.
struct DeviceOptions {
  DeviceChoice device = DeviceChoice::kCpu;
  AttentionKernel attention = AttentionKernel::kAuto;
  std::string device_place = "--device", attention_place = "--attention";
};

/// auto takes a GPU where one can be used, else the CPU. Throws Error, beginning with the key's place, for a GPU that
/// is asked for and not there, and for an attention kernel that the device or this machine lacks.
Context open_device(const DeviceOptions& options);
/// f32 or bf16; auto picks bf16 on a GPU, and where the CPU multiplies it in hardware.
Dtype resolve_precision(Precision precision, Device device);

/// A recipe's sections as the parts below take them.
LoraOptions lora_options(const Recipe& recipe);
/// Throws Error where a folder or a pattern of the data section stands for no file.
DataOptions data_options(const Recipe& recipe);
/// The folder that data.cache names; empty: no cache.
std::filesystem::path cache_folder(const std::string& cache);

}  // namespace lorica
