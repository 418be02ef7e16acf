#include "recipes/model_output.h"

#include "io/formats/file_bytes.h"
#include "io/formats/safetensors_write.h"

namespace lorica {

void write_model_folder(const std::filesystem::path& folder, const std::filesystem::path& base, const Decoder& model) {
  std::error_code failure;
  std::filesystem::create_directories(folder, failure);
  if (failure) throw RunError("{}: cannot create the folder: {}", folder.string(), failure.message());
  std::vector<TensorToWrite> tensors;
  for (const Parameter* parameter : model.parameters())
    tensors.push_back(tensor_to_write(parameter->name, parameter->value));
  write_safetensors(folder / "model.safetensors", std::move(tensors), {{"format", "pt"}});
  for (const char* name : {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
                           "special_tokens_map.json", "chat_template.jinja"})
    if (std::filesystem::exists(base / name)) write_file_atomically(folder / name, read_file(base / name));
}

}  // namespace lorica
