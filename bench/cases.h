#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/measure.h"
#include "engine/tensor.h"
#include "kernels/context.h"
#include "kernels/ops/linear.h"

// The table of what is measured: an op at a shape of a model, written down once for every device.
namespace lorica::bench {

/// The tensors and the launch of one case on one device. Every device gets the same values: their seeds count up.
class Setup {
 public:
  Setup(Context& context, Arena& arena) : context_(context), arena_(arena) {}
  Setup(const Setup&) = delete;
  Setup& operator=(const Setup&) = delete;

  Tensor random(Shape shape, Dtype dtype, float spread = 1) {
    return keep(random_tensor(arena_, shape, dtype, ++seed_, spread));
  }
  template <class T>
  Tensor of(const std::vector<T>& values) {
    return keep(tensor_of(arena_, values));
  }
  /// Written before it is timed, by `before`.
  Tensor scratch(Shape shape, Dtype dtype) { return keep(Tensor(arena_, shape, dtype)); }
  /// Written by the op that is timed; it is compared between devices.
  Tensor result(Shape shape, Dtype dtype) {
    compare(scratch(shape, dtype));
    return results_.back();
  }
  void compare(const Tensor& result) { results_.push_back(result); }
  GradOut gradient(Shape shape, Dtype dtype) { return {result(shape, dtype), GradMode::kWrite}; }
  /// A frozen weight [out, in] of small values as the device likes it best.
  WeightIn weight(int64_t out, int64_t in, Dtype dtype, PackFor direction);
  /// The same weight in both packings, for ops that take two.
  std::pair<WeightIn, WeightIn> weight_both_ways(int64_t out, int64_t in, Dtype dtype);

  template <class Op>
  void before(const Op& op) {
    launch(context_, op);
  }
  /// The op to time; what it points to must live as long as the setup.
  template <class Op>
  void time(const Op& op) {
    cost_ = op.cost();
    if constexpr (requires(CudaBackend & cuda) { library_takes(cuda, op); })
      by_library_ = context_.cuda && library_takes(*context_.cuda, op);
    work_ = [this, op] { launch(context_, op); };
  }
  /// Anything that must live as long as the setup.
  template <class T>
  T& own(T value) {
    auto owned = std::make_shared<T>(std::move(value));
    owned_.push_back(owned);
    return *owned;
  }

  void run() const { work_(); }
  const Cost& cost() const { return cost_; }
  /// Whether the library that the context's attention is set to does the op, and not our own kernels.
  bool by_library() const { return by_library_; }
  const std::vector<Tensor>& results() const { return results_; }
  int64_t bytes() const;

 private:
  Tensor keep(Tensor tensor) {
    tensors_.push_back(tensor);
    return tensor;
  }
  WeightIn packed(const Tensor& w, PackFor direction);

  Context& context_;
  Arena& arena_;
  uint64_t seed_ = 0;
  std::vector<Tensor> tensors_, results_;
  std::vector<std::shared_ptr<void>> owned_;
  Cost cost_;
  bool by_library_ = false;
  std::function<void()> work_;
};

/// One row of the table for each dtype. `build` makes the op with its tensors for so many tokens.
struct Case {
  std::string op, model, shape;  ///< shape without the tokens
  std::vector<Dtype> dtypes;
  int64_t tokens = 0;  ///< of the row; 0: as many as the program is told to take
  std::function<void(Setup&, Dtype, int64_t tokens)> build;
  AttentionKernel attention = AttentionKernel::kAuto;  ///< of the context while the row is made
};

struct ModelShape {
  std::string name;
  int64_t hidden, intermediate, layers, heads, kv_heads, head_dim, vocabulary;
};
/// SmolLM2-135M, Qwen3-0.6B, Llama-3.1-8B.
const std::vector<ModelShape>& model_shapes();

void add_row_cases(std::vector<Case>& cases, const ModelShape& model);
void add_product_cases(std::vector<Case>& cases, const ModelShape& model);
void add_optimizer_cases(std::vector<Case>& cases, const ModelShape& model);
/// Of `tokens` tokens in documents of `length`; on a GPU by each kind of kernel.
void add_attention_cases(std::vector<Case>& cases, int64_t length, int64_t tokens, bool on_gpu);

}  // namespace lorica::bench
