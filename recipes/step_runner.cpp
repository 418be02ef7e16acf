#include "recipes/step_runner.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lorica {
namespace {

/// Many shapes would cost more to record than they save.
constexpr size_t kMostGraphs = 64;

}  // namespace

/// The inputs of a micro-step as parts of one block, so that one copy refills them, and its losses.
struct StepRunner::Inputs {
  Inputs(Arena& arena, const PaddedSizes& sizes) {
    const auto i32 = [&](int64_t count) { return reserve(count * int64_t{sizeof(int32_t)}); };
    const int64_t ids = i32(sizes.tokens), positions = i32(sizes.tokens), cu_seqlens = i32(sizes.documents + 1),
                  rows = i32(sizes.rows), targets = i32(sizes.rows), scale = reserve(sizeof(float)),
                  stream = reserve(sizeof(int64_t));
    block = Tensor(arena, {static_cast<int64_t>(staging.size())}, Dtype::u8);
    batch.tokens = {.ids = block.part(ids, {sizes.tokens}, Dtype::i32),
                    .positions = block.part(positions, {sizes.tokens}, Dtype::i32),
                    .cu_seqlens = block.part(cu_seqlens, {sizes.documents + 1}, Dtype::i32)};
    batch.rows = block.part(rows, {sizes.rows}, Dtype::i32);
    batch.targets = block.part(targets, {sizes.rows}, Dtype::i32);
    batch.loss_scale = block.part(scale, {1}, Dtype::f32);
    batch.dropout_stream = block.part(stream, {1}, Dtype::i64);
    losses = Tensor(arena, {sizes.rows}, Dtype::f32);
  }

  void fill(const Batch& from, float loss_scale, int64_t stream) {
    size_t at = 0;
    const auto put = [&](const void* values, size_t bytes) {
      std::memcpy(staging.data() + offsets[at++], values, bytes);
    };
    for (const auto* list : {&from.ids, &from.positions, &from.cu_seqlens, &from.rows, &from.targets})
      put(list->data(), list->size() * sizeof(int32_t));
    put(&loss_scale, sizeof loss_scale);
    put(&stream, sizeof stream);
    block.copy_in(staging.data());
  }

  DeviceBatch batch;
  Tensor losses;

 private:
  /// Offset of the next part; each begins at a multiple of 256 bytes, as memory of its own would.
  int64_t reserve(int64_t bytes) {
    offsets.push_back(staging.size());
    staging.resize(staging.size() + static_cast<size_t>(bytes + 255) / 256 * 256);
    return static_cast<int64_t>(offsets.back());
  }
  Tensor block;
  std::vector<size_t> offsets;
  std::vector<std::byte> staging;
};

StepRunner::StepRunner(Decoder& model, AdamWOptimizer& optimizer, const StepRunnerOptions& options)
    : model_(model),
      optimizer_(optimizer),
      options_(options),
      on_host_(model.context().device == Device::kCpu),
      fixed_tables_(std::all_of(model.config().ropes.begin(), model.config().ropes.end(),
                                [](const RopeConfig& rope) { return rope.fixed_frequencies(); })) {}

StepRunner::~StepRunner() = default;

size_t StepRunner::graphs() const {
  size_t count = update_.graph ? 1 : 0;
  for (const auto& [key, recorded] : micro_steps_) count += recorded.graph ? 1 : 0;
  return count;
}

void StepRunner::accumulate(const Batch& batch, float loss_scale, uint64_t stream) {
  const ProfileRange range("micro-step", static_cast<int64_t>(loss_counts_.size()));
  if (!on_host_) return enqueue(batch, loss_scale, stream);
  const std::vector<float> losses = forward_backward(model_, batch,
                                                     {.loss_scale = loss_scale,
                                                      .recompute_blocks = options_.recompute_blocks,
                                                      .seed = options_.seed,
                                                      .stream = stream,
                                                      .inspector = {}});
  loss_sum_ += sum_of(losses);
}

StepRunner::Inputs& StepRunner::inputs_for(const PaddedSizes& sizes) {
  std::unique_ptr<Inputs>& inputs = inputs_[sizes];
  if (!inputs) inputs = std::make_unique<Inputs>(model_.arenas().lasting, sizes);
  return *inputs;
}

void StepRunner::enqueue(const Batch& batch, float loss_scale, uint64_t stream) {
  if (batch.rows.empty()) return;
  const std::vector<Parameter*> parameters = model_.parameters();
  const bool first =
      std::none_of(parameters.begin(), parameters.end(), [](const Parameter* p) { return p->has_gradient; });
  const PaddedSizes sizes = padded_sizes(batch, options_.micro_batch_tokens);
  Inputs& inputs = inputs_for(sizes);
  // positions of a replay may be higher than those of the batch that it was recorded with
  int64_t most = fixed_tables_ ? std::min(sizes.tokens, model_.config().max_positions) : 0;
  if (options_.max_tokens > 0) most = std::min(most, options_.max_tokens);
  inputs.batch.tokens.longest_document = std::max(longest_document(batch), most);
  inputs.fill(padded(batch, sizes), loss_scale, static_cast<int64_t>(stream << 16));
  if (run(micro_steps_[{sizes, first}], [&] { pass(inputs); }))
    for (Parameter* parameter : parameters) parameter->has_gradient = true;
  const size_t number = loss_counts_.size();
  if (losses_.size() == number) losses_.emplace_back();
  Tensor& kept = losses_[number];
  if (kept.elements() < sizes.rows) kept = Tensor(model_.arenas().lasting, {sizes.rows}, Dtype::f32);
  kept.memory().copy(kept.out().data, inputs.losses.in().data, static_cast<size_t>(inputs.losses.bytes()));
  loss_counts_.push_back(batch.rows.size());
}

void StepRunner::pass(const Inputs& inputs) {
  Tape tape(model_.context(), model_.arena());
  tape.set_dropout(options_.seed, inputs.batch.dropout_stream);
  inputs.losses.copy(launch_micro_step(model_, tape, inputs.batch, options_.recompute_blocks));
}

bool StepRunner::run(Recorded& recorded, const std::function<void()>& work) {
  if (!recorded.graph && recorded.warm && options_.graphs && fixed_tables_ && graphs() < kMostGraphs)
    recorded.graph = capture(model_.context(), work);
  recorded.warm = true;
  if (!recorded.graph) {
    work();
    return false;
  }
  recorded.graph->replay();
  return true;
}

void StepRunner::update(double learning_rate) {
  const ProfileRange range("update");
  if (!std::isfinite(loss_sum_)) {  // known already on the CPU, and then no reason to change anything
    optimizer_.find_norm(model_.context());
    return;
  }
  optimizer_.prepare_step(model_.context(), learning_rate);
  const auto work = [this] {
    optimizer_.find_norm(model_.context());
    optimizer_.update(model_.context());
  };
  const std::vector<Parameter*> parameters = model_.parameters();
  const bool all =
      std::all_of(parameters.begin(), parameters.end(), [](const Parameter* p) { return p->has_gradient; });
  if (!all) return work();
  if (run(update_, work))
    for (Parameter* parameter : parameters) parameter->clear();
}

StepRunner::Result StepRunner::finish() {
  Result result{.loss_sum = loss_sum_, .norm = optimizer_.norm(model_.context())};
  std::vector<float> losses;
  for (size_t i = 0; i < loss_counts_.size(); ++i) {
    losses.resize(loss_counts_[i]);
    losses_[i].memory().copy_out(losses.data(), losses_[i].in().data, losses.size() * sizeof(float));
    result.loss_sum += sum_of(losses);
  }
  loss_counts_.clear();
  loss_sum_ = 0;
  return result;
}

}  // namespace lorica
