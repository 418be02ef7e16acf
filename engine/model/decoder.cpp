#include "engine/model/decoder.h"

#include <algorithm>
#include <cmath>

#include "engine/autograd/linear.h"
#include "kernels/ops/attention.h"
#include "kernels/ops/columns.h"
#include "kernels/ops/elementwise.h"
#include "kernels/ops/softcap.h"

namespace lorica {

TokenBatch TokenBatch::of(Arena& arena, std::span<const int32_t> ids, std::span<const int32_t> positions,
                          std::span<const int32_t> cu_seqlens) {
  const int64_t longest = positions.empty() ? 0 : *std::max_element(positions.begin(), positions.end()) + int64_t{1};
  return {tensor_of(arena, ids), tensor_of(arena, positions), tensor_of(arena, cu_seqlens), longest};
}

KvCache::KvCache(Arena& arena, const ModelConfig& config, Dtype dtype, int64_t sequences, int64_t capacity)
    : lengths_(static_cast<size_t>(sequences), 0), capacity_(capacity) {
  const Shape shape{sequences, capacity, config.kv_heads, config.head_dim};
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    keys_.emplace_back(arena, shape, dtype);
    values_.emplace_back(arena, shape, dtype);
  }
}

std::unique_ptr<Decoder> Decoder::build(Context& context, Arenas arenas, const ModelConfig& config,
                                        const BuildOptions& build) {
  if (config.family == "gpt2") return build_gpt2(context, arenas, config, build);
  if (config.family == "olmo2") return build_olmo2(context, arenas, config, build);
  if (config.family == "gemma2" || config.family == "gemma3_text") return build_gemma(context, arenas, config, build);
  return build_llama(context, arenas, config, build);
}

void Decoder::add_linear(LinearLayer& layer) {
  linears_.push_back(&layer);
  add_weight(layer.own_);
  if (layer.bias_) add_weight(layer.bias_);
}

void Decoder::build_head(const BuildOptions& build, const Weight& embeddings) {
  const int64_t width = config_.hidden_size, rows = config_.head_rows();
  BuildOptions own = build;
  own.trained = build.trained || build.train_head;
  if (config_.classes() > 0)
    head_ = LinearLayer(arenas_.lasting, own, "score", width, rows, false);
  else if (config_.tie_embeddings)
    head_ = LinearLayer::tied("lm_head", embeddings, width, rows);
  else
    head_ = LinearLayer(arenas_.lasting, own, "lm_head", width, rows, false);
}

std::vector<Parameter*> Decoder::parameters() const {
  std::vector<Parameter*> result;
  for (const Weight* weight : weights_)
    if (weight->parameter()) result.push_back(weight->parameter());
  if (trained_head()) result.push_back(trained_head());
  for (LinearLayer* layer : linears_) {
    if (!layer->lora) continue;
    result.push_back(&layer->lora->a);
    result.push_back(&layer->lora->b);
  }
  return result;
}

int64_t Decoder::base_parameter_count() const {
  int64_t count = head_.own_ ? head_.own_.elements() : 0;
  for (const Weight* weight : weights_) count += weight->elements();
  return count;
}

Var Decoder::named_block(Tape& tape, int64_t layer, const Var& x, const Step& step) {
  const ProfileRange range("layer", layer);
  return block(tape, layer, x, step);
}

Var Decoder::hidden(Tape& tape, const TokenBatch& batch, bool recompute_blocks) {
  reach_positions(batch.longest_document);
  const Step step{.batch = batch, .cache = nullptr, .kv_lens = {}};
  Var x = embed(tape, batch);
  for (int64_t layer = 0; layer < config_.layers; ++layer) {
    if (recompute_blocks) {
      // The batch's tensors are captured by value: they must outlive the backward pass.
      x = checkpoint(
          tape,
          [this, layer, batch](Tape& t, const Var& input) {
            return named_block(t, layer, input, {.batch = batch, .cache = nullptr, .kv_lens = {}});
          },
          x);
    } else {
      x = named_block(tape, layer, x, step);
    }
  }
  return final_norm(tape, x);
}

HeadLossResult Decoder::loss(Tape& tape, const Var& hidden, const Tensor& rows, const Tensor& targets,
                             const Tensor& loss_scale) {
  const LinearWeight weight = head_.weight(tape, tape.recording() && hidden.needs_grad());
  return head_loss(tape, hidden, weight, rows, targets, loss_scale, config_.logits_softcap);
}

Tensor Decoder::logits(Tape& tape, const Tensor& hidden, std::span<const int32_t> rows) {
  Tensor some = tape.empty({static_cast<int64_t>(rows.size()), config_.hidden_size}, hidden.dtype());
  launch(context_, GatherRows{.x = hidden, .rows = tensor_of(arenas_.passing, rows), .y = some});
  const LinearWeight weight = head_.weight(tape, false);
  Tensor result = tape.empty({static_cast<int64_t>(rows.size()), weight.out_features}, Dtype::f32), rounded;
  launch(context_,
         LinearFwd{.x = some, .w = weight_for(tape, weight, weight.forward, some.dtype(), rounded), .y = result});
  if (config_.logits_softcap > 0) launch(context_, SoftCap{.x = result, .y = result, .cap = config_.logits_softcap});
  return result;
}

Var Decoder::attend(Tape& tape, int64_t layer, const Var& q, const Var& k, const Var& v, const Step& step) {
  const auto at = static_cast<size_t>(layer);
  const AttentionOptions options{.scale = config_.attention_scales[at],
                                 .window = config_.windows[at],
                                 .softcap = config_.attention_softcap,
                                 .longest = step.batch.longest_document};
  if (!step.cache) return attention(tape, q, k, v, step.batch.cu_seqlens, options);
  const Tensor& keys = step.cache->keys_[at];
  const Tensor& values = step.cache->values_[at];
  const Tensor& cu_q = step.batch.cu_seqlens;
  launch(context_, CacheAppend{.x = k.value, .cu_q = cu_q, .kv_lens = step.kv_lens, .cache = keys});
  launch(context_, CacheAppend{.x = v.value, .cu_q = cu_q, .kv_lens = step.kv_lens, .cache = values});
  Tensor o = tape.empty(q.shape(), q.dtype());
  launch(context_, AttentionCached{.q = q.value,
                                   .k_cache = keys,
                                   .v_cache = values,
                                   .cu_q = cu_q,
                                   .kv_lens = step.kv_lens,
                                   .o = o,
                                   .scale = options.scale,
                                   .window = options.window,
                                   .softcap = options.softcap});
  return o;
}

Tensor Decoder::step(KvCache& cache, std::span<const int32_t> ids, std::span<const int32_t> cu_q) {
  std::vector<int32_t> positions(ids.size()), last;
  int32_t longest = 0;
  for (size_t b = 0; b + 1 < cu_q.size(); ++b) {
    int32_t& length = cache.lengths_[b];
    const int32_t fresh = cu_q[b + 1] - cu_q[b];
    if (length + fresh > cache.capacity_)
      throw RunError("sequence of {} tokens does not fit a cache of {}", length + fresh, cache.capacity_);
    for (int32_t i = 0; i < fresh; ++i) positions[static_cast<size_t>(cu_q[b] + i)] = length + i;
    length += fresh;
    longest = std::max(longest, length);
    if (fresh > 0) last.push_back(cu_q[b + 1] - 1);
  }
  reach_positions(longest);
  Tape tape(context_, arenas_.passing, false);
  const TokenBatch batch = TokenBatch::of(arenas_.passing, ids, positions, cu_q);
  const Step step{.batch = batch, .cache = &cache, .kv_lens = tensor_of(arenas_.passing, cache.lengths_)};
  Var x = embed(tape, batch);
  for (int64_t layer = 0; layer < config_.layers; ++layer) x = named_block(tape, layer, x, step);
  const Tensor found = logits(tape, final_norm(tape, x).value, last);
  if (last.size() + 1 == cu_q.size()) return found;

  Tensor all = tape.empty({static_cast<int64_t>(cu_q.size()) - 1, config_.vocab_size}, Dtype::f32);
  all.clear();
  const auto row_bytes = static_cast<size_t>(config_.vocab_size) * sizeof(float);
  const auto* from = static_cast<const std::byte*>(found.in().data);
  auto* to = static_cast<std::byte*>(all.out().data);
  for (size_t b = 0; b + 1 < cu_q.size(); ++b, to += row_bytes) {
    if (cu_q[b + 1] == cu_q[b]) continue;
    all.memory().copy(to, from, row_bytes);
    from += row_bytes;
  }
  return all;
}

}  // namespace lorica
