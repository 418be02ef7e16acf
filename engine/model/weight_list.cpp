#include "engine/model/weight_list.h"

#include "engine/model/decoder.h"

namespace lorica {

std::vector<std::string> WeightList::names() const {
  std::vector<std::string> result;
  for (const StoredWeight& weight : asked_for_) result.push_back(weight.name);
  return result;
}

std::vector<StoredWeight> stored_weights(const ModelConfig& config) {
  const auto list = std::make_shared<WeightList>();
  Context context;
  Arena arena;
  Decoder::build(context, arena, config, {.weights = list});
  return list->asked_for();
}

}  // namespace lorica
