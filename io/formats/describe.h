#pragma once
#include <filesystem>
#include <string>

namespace lorica {

/// What lies at `path`, as text of aligned lines that ends in a newline: a safetensors or GGUF file (metadata and every
/// tensor), a Hugging Face model folder (family, sizes, parameters, dtype, tokenizer, chat template), or a PEFT adapter
/// folder (rank, alpha, targets, base model, tensors). Throws Error when it is none of these or is damaged.
std::string describe_path(const std::filesystem::path& path);

}  // namespace lorica
