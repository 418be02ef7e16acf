#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/tensor.h"
#include "kernels/context.h"

namespace lorica {

/// A trained tensor: f32 value and f32 gradient. The gradient survives from micro-batch to micro-batch: the first one
/// writes it, later ones add (has_gradient says which), until the optimiser calls clear().
struct Parameter {
  std::string name;
  Tensor value;
  Tensor gradient;
  bool has_gradient = false;

  void clear() { has_gradient = false; }
};

class Tape;

/// A value that can be computed again from values kept anyway (a norm, an activation). Holding this instead of the
/// tensor is what keeps the memory bill small; see Tape::save.
struct Recompute {
  std::function<Tensor(Tape&)> make;
  Tensor made;  ///< filled by the first reader in the backward pass, shared by the others
};

/// The gradient of one value while a tape lives. Backward closures capture the slot of an input, not the value, unless
/// they read the value.
struct GradSlot {
  Shape shape;
  Dtype dtype = Dtype::f32;
  Parameter* parameter = nullptr;  ///< set for leaves: the gradient then lives there
  Tensor gradient;
};
using Slot = std::shared_ptr<GradSlot>;

/// A value in a computation: the tensor and, where a gradient is wanted, its slot.
struct Var {
  Tensor value;
  Slot slot;
  std::shared_ptr<Recompute> recompute;

  Var() = default;
  Var(Tensor v) : value(std::move(v)) {}  // NOLINT: a frozen tensor is a Var
  bool needs_grad() const { return slot != nullptr; }
  const Shape& shape() const { return value.shape(); }
  Dtype dtype() const { return value.dtype(); }
};

/// What a backward closure keeps of an input: the tensor, or the recipe to make it again.
class Saved {
 public:
  Saved() = default;
  Saved(Tensor tensor, std::shared_ptr<Recompute> recompute)
      : tensor_(std::move(tensor)), recompute_(std::move(recompute)) {}
  Tensor get(Tape& tape) const {
    if (!recompute_) return tensor_;
    if (!recompute_->made) recompute_->made = recompute_->make(tape);
    return recompute_->made;
  }

 private:
  Tensor tensor_;
  std::shared_ptr<Recompute> recompute_;
};

/// Records what the forward pass did as closures and runs them backwards. Nothing is recorded when no input needs a
/// gradient, so evaluation and generation run the same code without growth. backward() frees each node once it has run,
/// and with it what the node saved. A gradient that nobody produced is never computed: the backward pass ends at the
/// lowest trained parameter.
class Tape {
 public:
  using Backward = std::function<void(Tape&, const Tensor& dy)>;
  /// Sees every op's result: in the forward pass its value, in the backward pass the gradients it produced.
  using Inspector = std::function<void(const char* op, bool backward, const Tensor& result)>;

  Tape(Context& context, Arena& arena, bool recording = true)
      : context_(&context), arena_(&arena), recording_(recording) {}

  Context& context() { return *context_; }
  Arena& arena() { return *arena_; }
  Tensor empty(Shape shape, Dtype dtype) { return Tensor(*arena_, shape, dtype); }

  /// A leaf for the parameter; with recording off it is a plain value.
  Var leaf(Parameter& parameter);

  /// Registers a result. `inputs` are those whose gradient `backward` may write.
  Var record(const char* op, std::initializer_list<const Var*> inputs, Tensor value, Backward backward);

  /// What a closure keeps of an input that backward will read.
  Saved save(const Var& var) const {
    return var.recompute && recompute_cheap_ ? Saved(Tensor(), var.recompute) : Saved(var.value, nullptr);
  }

  /// Where the backward of an op puts a gradient: skip (no slot), write (the first) or add.
  GradOut grad_out(const Slot& slot);
  /// The gradient is (or grows by) `gradient`, whose memory may be shared, not copied.
  void pass_grad(const Slot& slot, const Tensor& gradient);

  /// Runs the tape backwards from `output` with gradient `seed` (empty for a loss whose op ignores it).
  void backward(const Var& output, Tensor seed = {});

  bool recording() const { return recording_; }
  /// Inside the unrecorded run of a checkpoint: values must be those of the recorded one (dropout is on).
  bool replaying() const { return replaying_; }
  size_t size() const { return nodes_.size(); }

  /// Dropout masks come from (seed, stream of the micro-batch + module), so that a recomputed block repeats them. The
  /// stream is i64 [1]; empty: 0.
  void set_dropout(uint64_t seed, Tensor stream) { dropout_seed_ = seed, dropout_stream_ = std::move(stream); }
  uint64_t dropout_seed() const { return dropout_seed_; }
  const Tensor& dropout_stream() const { return dropout_stream_; }

  void set_inspector(Inspector inspector) { inspector_ = std::move(inspector); }
  /// Whether cheap values are made again in the backward pass instead of kept.
  void set_recompute_cheap(bool on) { recompute_cheap_ = on; }

 private:
  friend Var checkpoint(Tape&, const std::function<Var(Tape&, const Var&)>&, const Var&);
  struct Node {
    const char* op;
    Slot output;
    std::vector<Slot> inputs;  ///< only while an inspector looks on
    Backward run;
  };

  void inspect_gradients(const Node& node);

  Context* context_;
  Arena* arena_;
  bool recording_;
  bool recompute_cheap_ = true;
  bool replaying_ = false;
  bool saw_parameter_ = false;  ///< while recording is off: an op had an input that needs a gradient
  uint64_t dropout_seed_ = 0;
  Tensor dropout_stream_;
  Inspector inspector_;
  std::vector<Node> nodes_;
};

/// Runs fn without recording and again, recorded, in the backward pass: keeps x alone instead of what fn saves. fn may
/// use parameters; it must not change anything.
Var checkpoint(Tape& tape, const std::function<Var(Tape&, const Var&)>& fn, const Var& x);

}  // namespace lorica
