#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/model/weight_source.h"

namespace lorica {

/// The weights of another source with one f32 tensor put in the place of its own, or beside them.
class ReplacedWeight : public WeightSource {
 public:
  ReplacedWeight(std::shared_ptr<const WeightSource> others, std::string name, Shape shape, std::vector<float> values)
      : others_(std::move(others)), name_(std::move(name)), shape_(shape), values_(std::move(values)) {}

  bool contains(const std::string& name) const override { return name == name_ || others_->contains(name); }
  In tensor(const std::string& name) const override {
    return name == name_ ? In(values_.data(), shape_, Dtype::f32) : others_->tensor(name);
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> all = others_->names();
    if (!others_->contains(name_)) all.push_back(name_);
    return all;
  }
  void done_with(const std::string& name) const override {
    if (name != name_) others_->done_with(name);
  }
  std::string origin() const override { return others_->origin(); }

 private:
  std::shared_ptr<const WeightSource> others_;
  std::string name_;
  Shape shape_;
  std::vector<float> values_;
};

}  // namespace lorica
