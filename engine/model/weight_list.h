#pragma once
#include <string>
#include <vector>

#include "engine/model/config.h"
#include "engine/model/weight_source.h"

namespace lorica {

/// One tensor that a model is stored as.
struct StoredWeight {
  std::string name;
  Shape shape;
};

/// A source that holds no weights: it notes what a model asks for and hands out views without data. A model built from
/// it in the source's dtype takes no memory and can be asked for its layers, not run.
class WeightList : public WeightSource {
 public:
  explicit WeightList(Dtype dtype = Dtype::f32) : dtype_(dtype) {}

  bool contains(const std::string&) const override { return true; }
  In tensor(const std::string& name) const override { throw Error("a list of weights has no tensor '{}'", name); }
  In weight(const std::string& name, const Shape& expected) const override {
    asked_for_.push_back({name, expected});
    return {nullptr, expected, dtype_};
  }
  std::vector<std::string> names() const override;
  std::string origin() const override { return "a list of weights"; }

  /// In the order in which the model asked.
  const std::vector<StoredWeight>& asked_for() const { return asked_for_; }

 private:
  Dtype dtype_;
  mutable std::vector<StoredWeight> asked_for_;
};

/// The tensors that a model of this configuration is stored as, by the names that Transformers gives them.
std::vector<StoredWeight> stored_weights(const ModelConfig& config);

}  // namespace lorica
