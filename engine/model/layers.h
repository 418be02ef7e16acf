#pragma once
#include <memory>
#include <optional>
#include <string>

#include "engine/autograd/functions.h"
#include "engine/model/weight_source.h"

namespace lorica {

/// What a model is built with: where its weights come from, the dtype that it computes in, and whether the weights
/// themselves are trained (f32 parameters) or frozen (of the compute dtype).
struct BuildOptions {
  std::shared_ptr<const WeightSource> weights;
  Dtype dtype = Dtype::f32;
  bool trained = false;
  bool train_head = false;  ///< the output head is trained, whatever the rest is
};

/// A named weight of the base model: a frozen tensor or a trained parameter.
class Weight {
 public:
  Weight() = default;
  /// Loads and converts; throws Error that names tensor, file and both shapes when the shape is not the expected one.
  Weight(Arena& arena, const BuildOptions& build, const std::string& name, Shape expected);

  Var var(Tape& tape) const { return parameter_ ? tape.leaf(*parameter_) : Var(frozen_); }
  Parameter* parameter() const { return parameter_.get(); }
  const std::string& name() const { return name_; }
  explicit operator bool() const { return parameter_ || frozen_; }
  int64_t elements() const { return (parameter_ ? parameter_->value : frozen_).elements(); }

 private:
  std::string name_;
  Tensor frozen_;
  std::unique_ptr<Parameter> parameter_;
};

/// The adapter of one linear layer:  y += scale B (A dropout(x)).
struct LoraAdapter {
  Parameter a, b;  ///< [r, in] and [out, r]
  int64_t rank = 0;
  float scale = 1;
  float dropout = 0;
  uint64_t module = 0;
};

/// A linear layer of the base model, with its adapter if it has one. `name` is the module path that Hugging Face uses.
class LinearLayer {
 public:
  LinearLayer() = default;
  LinearLayer(Arena& arena, const BuildOptions& build, const std::string& name, int64_t in, int64_t out, bool bias,
              WeightLayout layout = WeightLayout::kOutIn);
  /// An output head that shares the embedding's table.
  static LinearLayer tied(const std::string& name, const Weight& table, int64_t in, int64_t out);

  /// y = x W^T + bias (+ adapter) (+ residual)
  Var operator()(Tape& tape, const Var& x, const Var& residual = {}) const;
  /// The weight as functions take it; a frozen one is packed on first use where the CPU computes.
  LinearWeight weight(Tape& tape, bool backward) const;

  const std::string& name() const { return name_; }
  int64_t in_features() const { return in_; }
  int64_t out_features() const { return out_; }

  std::unique_ptr<LoraAdapter> lora;

 private:
  friend class Decoder;
  std::string name_;
  int64_t in_ = 0, out_ = 0;
  WeightLayout layout_ = WeightLayout::kOutIn;
  Weight own_, bias_;
  const Weight* shared_ = nullptr;
  mutable std::unique_ptr<PackedWeight> forward_, backward_;
};

}  // namespace lorica
