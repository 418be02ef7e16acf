#include "recipes/setup.h"

#include "kernels/cpu/features.h"

namespace lorica {

Context open_device(DeviceChoice choice, const std::string& place) {
  if (choice == DeviceChoice::kCpu) return Context();
  try {
    return Context(Device::kCuda);
  } catch (const RunError&) {  // the GPU is there and fails
    throw;
  } catch (const Error& error) {
    if (choice == DeviceChoice::kAuto) return Context();
    std::string_view why = error.what();
    constexpr std::string_view kKey = "device: ";
    if (why.starts_with(kKey)) why.remove_prefix(kKey.size());
    throw Error("{}: {}", place, why);
  }
}

Dtype resolve_precision(Precision precision, Device device) {
  if (precision == Precision::kAuto) return device == Device::kCuda || cpu_has_bf16() ? Dtype::bf16 : Dtype::f32;
  return precision == Precision::kBf16 ? Dtype::bf16 : Dtype::f32;
}

LoraOptions lora_options(const Recipe& recipe) {
  const AdapterSection& adapter = recipe.adapter;
  LoraOptions options{.r = adapter.r,
                      .lora_alpha = adapter.lora_alpha,
                      .lora_dropout = adapter.lora_dropout,
                      .use_rslora = adapter.use_rslora,
                      .target_modules = adapter.target_modules,
                      .layers_to_transform = adapter.layers_to_transform,
                      .seed = static_cast<uint64_t>(recipe.train.seed)};
  if (options.target_modules == std::vector<std::string>{"all-linear"}) options.target_modules.clear();
  return options;
}

DataOptions data_options(const Recipe& recipe) {
  const DataSection& data = recipe.data;
  DataSource source{.files = {},
                    .format = data.format,
                    .messages_column = data.messages_column,
                    .prompt_column = data.prompt_column,
                    .response_column = data.response_column,
                    .text_column = data.text_column,
                    .label_column = data.label_column,
                    .system_prompt = data.system_prompt,
                    .slice_column = data.slice_column};
  const auto sources = [&source](const std::vector<std::string>& files) {
    source.files = {files.begin(), files.end()};
    return files.empty() ? std::vector<DataSource>() : std::vector<DataSource>{source};
  };
  return {.train = sources(data.train),
          .eval = sources(data.eval),
          .max_tokens = data.max_tokens,
          .too_long = data.too_long};
}

}  // namespace lorica
