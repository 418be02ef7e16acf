#include "recipes/setup.h"

#include "io/data/source_files.h"
#include "io/data/token_cache.h"
#include "kernels/cpu/features.h"
#include "recipes/value_types.h"

namespace lorica {

namespace {

/// The CUDA backend's message without the name of the recipe's key, which the message's place gives.
std::string_view without_key(const Error& error) {
  std::string_view why = error.what();
  constexpr std::string_view kKey = "device: ";
  if (why.starts_with(kKey)) why.remove_prefix(kKey.size());
  return why;
}

Context open_first(const DeviceOptions& options) {
  if (options.device == DeviceChoice::kCpu) return Context();
  try {
    return Context(Device::kCuda);
  } catch (const RunError&) {  // the GPU is there and fails
    throw;
  } catch (const Error& error) {
    if (options.device == DeviceChoice::kAuto) return Context();
    throw Error("{}: {}", options.device_place, without_key(error));
  }
}

}  // namespace

Context open_device(const DeviceOptions& options) {
  Context context = open_first(options);
  if (options.attention == AttentionKernel::kAuto) return context;
  const char* const name = EnumNames<AttentionKernel>::kNames[static_cast<int>(options.attention)];
  if (context.device == Device::kCpu)
    throw Error("{}: {} is for a GPU, and this run is on the CPU; leave it at auto", options.attention_place, name);
  try {
    set_attention_kernel(*context.cuda, options.attention);
  } catch (const RunError&) {
    throw;
  } catch (const Error& error) {
    throw Error("{}: {}", options.attention_place, without_key(error));
  }
  return context;
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

std::filesystem::path cache_folder(const std::string& cache) {
  if (cache == "auto") return default_token_cache();
  return cache == "none" ? std::string() : cache;
}

DataOptions data_options(const Recipe& recipe) {
  const DataSection& data = recipe.data;
  const bool classifies = recipe.model.task == Task::kSeqCls;
  const auto sources = [&](const std::vector<DataItem>& items, const std::string& place) {
    std::vector<DataSource> list;
    for (const DataItem& item : items) {
      list.push_back(settings_of(data, item));
      DataSource& source = list.back();
      source.files = source_files(item.path, place);
      if (classifies && source.format == DataFormat::kAuto) source.format = DataFormat::kClassification;
    }
    return list;
  };
  return {.train = sources(data.train, "data.train"),
          .eval = sources(data.eval, "data.eval"),
          .max_tokens = data.max_tokens,
          .too_long = data.too_long,
          .cache_dir = cache_folder(data.cache)};
}

}  // namespace lorica
