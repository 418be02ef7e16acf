#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "kernels/dtype.h"

namespace lorica {

struct GgufConversion {
  std::filesystem::path from;  // a GGUF file: architecture llama, qwen2 or qwen3
  std::filesystem::path to;    // a folder: made if needed, must be empty unless `overwrite`
  std::optional<Dtype>
      dtype;               // f32, bf16 or f16; empty: the source's 16-bit type if all its matrices have it, else f32
  bool overwrite = false;  // write over the files of a folder that is not empty
};

struct GgufConversionResult {
  std::string architecture;
  int64_t tensors = 0, parameters = 0;
  Dtype dtype = Dtype::f32;
};

/// Turns a GGUF model into a Hugging Face folder that Transformers and Lorica load: model.safetensors, tokenizer.json,
/// tokenizer_config.json, chat_template.jinja (when the file has a template), generation_config.json and, last,
/// config.json. Throws Error naming the metadata key or the tensor for anything that would change the maths and cannot
/// be said in config.json; nothing is written before every check has passed.
GgufConversionResult convert_gguf(const GgufConversion& conversion);

}  // namespace lorica
