#include "engine/model/lora.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "kernels/philox.h"

namespace lorica {
namespace {

/// PEFT's rule: the name itself, or the end of the path behind a dot.
bool matches(const std::string& module, const std::string& target) {
  return module == target || (module.size() > target.size() && module.ends_with(target) &&
                              module[module.size() - target.size() - 1] == '.');
}

void initialise(LoraAdapter& lora, uint64_t seed) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(lora.a.value.shape()[1]));
  std::vector<float> a(static_cast<size_t>(lora.a.value.elements()));
  for (size_t i = 0; i < a.size(); ++i) {
    // 24 bits give every multiple of 2^-23 in [-1, 1)
    const uint32_t word = philox(seed, lora.module, i / 4)[i % 4];
    a[i] = static_cast<float>(bound * (static_cast<double>(word >> 8) * 0x1p-23 - 1.0));
  }
  lora.a.value.copy_in(a.data());
  lora.b.value.clear();
}

}  // namespace

double lora_scale(int64_t r, double alpha, bool use_rslora) {
  const auto rank = static_cast<double>(r);
  return use_rslora ? alpha / std::sqrt(rank) : alpha / rank;
}

int block_number(const std::string& module) {
  size_t at = 0;
  while (at < module.size()) {
    const size_t end = std::min(module.find('.', at), module.size());
    const std::string part = module.substr(at, end - at);
    if (!part.empty() && part.size() < 7 &&
        std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; }))
      return std::stoi(part);
    at = end + 1;
  }
  return -1;
}

std::vector<std::string> linear_names(const Decoder& model) {
  std::vector<std::string> names;
  for (const LinearLayer* layer : model.linears()) {
    const std::string name = layer->name().substr(layer->name().rfind('.') + 1);
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

LoraAdapter& attach_lora(Decoder& model, LinearLayer& layer, int64_t r, double scale, double dropout) {
  auto lora = std::make_unique<LoraAdapter>();
  const auto all = model.linears();
  lora->module = static_cast<uint64_t>(std::find(all.begin(), all.end(), &layer) - all.begin());
  lora->rank = r;
  lora->scale = static_cast<float>(scale);
  lora->dropout = static_cast<float>(dropout);
  lora->a.name = layer.name() + ".lora_A.weight";
  lora->b.name = layer.name() + ".lora_B.weight";
  lora->a.value = Tensor(model.arenas().lasting, {r, layer.in_features()}, Dtype::f32);
  lora->b.value = Tensor(model.arenas().lasting, {layer.out_features(), r}, Dtype::f32);
  layer.lora = std::move(lora);
  return *layer.lora;
}

void attach_lora(Decoder& model, const LoraOptions& options) {
  const double scale = lora_scale(options.r, options.lora_alpha, options.use_rslora);
  for (int layer : options.layers_to_transform)
    if (layer < 0 || layer >= model.config().layers)
      throw Error("adapter.layers_to_transform: layer {}: the model has layers 0 to {}", layer,
                  model.config().layers - 1);
  std::vector<bool> used(options.target_modules.size(), false);
  bool any = false;
  for (LinearLayer* layer : model.linears()) {
    bool wanted = options.target_modules.empty();
    for (size_t i = 0; i < options.target_modules.size(); ++i) {
      if (!matches(layer->name(), options.target_modules[i])) continue;
      wanted = used[i] = true;
    }
    const auto& layers = options.layers_to_transform;
    if (!layers.empty() && std::find(layers.begin(), layers.end(), block_number(layer->name())) == layers.end())
      wanted = false;
    if (!wanted) continue;
    initialise(attach_lora(model, *layer, options.r, scale, options.lora_dropout), options.seed);
    any = true;
  }
  for (size_t i = 0; i < used.size(); ++i)
    if (!used[i])
      throw Error("adapter.target_modules: '{}' names no linear layer of this model (it has {})",
                  options.target_modules[i], fmt::join(linear_names(model), ", "));
  if (!any) throw Error("adapter: no layer is left to adapt");
}

}  // namespace lorica
