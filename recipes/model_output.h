#pragma once
#include <filesystem>

#include "engine/model/decoder.h"

namespace lorica {

/// Writes a trained model as a Hugging Face folder: model.safetensors in f32, and config, tokenizer and template files
/// copied from the folder that the model came from; a classifier's config.json says that it is one. Throws RunError
/// when it cannot be written.
void write_model_folder(const std::filesystem::path& folder, const std::filesystem::path& base, const Decoder& model);

}  // namespace lorica
