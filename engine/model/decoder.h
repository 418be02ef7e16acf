#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/model/config.h"
#include "engine/model/layers.h"

namespace lorica {

/// Packed documents of one micro-batch: token t has ids[t] and stands at positions[t] of its document; document i is
/// tokens cu_seqlens[i] .. cu_seqlens[i + 1], none where the two are equal. All i32.
struct TokenBatch {
  Tensor ids, positions, cu_seqlens;
  int64_t longest_document = 0;  ///< at least the highest position + 1; no document is longer

  static TokenBatch of(Arena& arena, std::span<const int32_t> ids, std::span<const int32_t> positions,
                       std::span<const int32_t> cu_seqlens);
};

/// Keys and values of the tokens seen so far, for generation: a row of `capacity` tokens for each sequence and layer.
class KvCache {
 public:
  KvCache(Arena& arena, const ModelConfig& config, Dtype dtype, int64_t sequences, int64_t capacity);

  int64_t sequences() const { return static_cast<int64_t>(lengths_.size()); }
  int64_t capacity() const { return capacity_; }
  int64_t length(int64_t sequence) const { return lengths_[static_cast<size_t>(sequence)]; }
  /// Forgets what lies beyond: the next token of the sequence takes this position.
  void truncate(int64_t sequence, int64_t length) {
    lengths_[static_cast<size_t>(sequence)] = static_cast<int32_t>(length);
  }

 private:
  friend class Decoder;
  std::vector<Tensor> keys_, values_;  ///< per layer [sequences, capacity, Hkv, d]
  std::vector<int32_t> lengths_;
  int64_t capacity_;
};

/// A decoder-only transformer. Families derive from it and write down their block; what they share is here.
class Decoder {
 public:
  /// Builds the family that `config` names. Throws Error naming a missing or misshapen weight.
  static std::unique_ptr<Decoder> build(Context&, Arenas, const ModelConfig&, const BuildOptions&);
  virtual ~Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  const ModelConfig& config() const { return config_; }
  Dtype dtype() const { return dtype_; }
  /// For what a pass makes.
  Arena& arena() { return arenas_.passing; }
  const Arenas& arenas() const { return arenas_; }
  Context& context() { return context_; }

  /// Hidden states after the last norm, [T, D]. With `recompute_blocks` a block keeps its input alone.
  Var hidden(Tape& tape, const TokenBatch& batch, bool recompute_blocks = false);
  /// Losses of the labelled rows; see head_loss.
  HeadLossResult loss(Tape& tape, const Var& hidden, const Tensor& rows, const Tensor& targets,
                      const Tensor& loss_scale);
  /// Logits [n, V], f32, of the given rows of `hidden`; for generation, classes and parity, on few rows.
  Tensor logits(Tape& tape, const Tensor& hidden, std::span<const int32_t> rows);

  /// Runs new tokens of the sequences (cu_q [sequences + 1] offsets into ids) over the cache, which then holds them
  /// too. Returns the logits [sequences, V] of the last new token of each; a sequence without new tokens gets zeros.
  Tensor step(KvCache& cache, std::span<const int32_t> ids, std::span<const int32_t> cu_q);

  /// Every linear layer that an adapter can sit on, in order (the head is not among them).
  std::span<LinearLayer* const> linears() const { return linears_; }
  /// The trained weight of the head, null where it is frozen or shared.
  Parameter* trained_head() const { return head_.own_.parameter(); }
  /// Trained tensors: the head where it is trained and adapters in the order of linears(), or all weights of the base.
  std::vector<Parameter*> parameters() const;
  int64_t base_parameter_count() const;

 protected:
  Decoder(Context& context, Arenas arenas, const ModelConfig& config, const BuildOptions& build)
      : context_(context), arenas_(arenas), config_(config), dtype_(build.dtype) {}

  /// What a block needs to know of the micro-batch.
  struct Step {
    const TokenBatch& batch;
    KvCache* cache = nullptr;
    Tensor kv_lens;  ///< of the cache, new tokens included
  };
  /// Called before a pass whose longest document has this many tokens: extends tables, or throws Error when the model
  /// cannot go that far.
  virtual void reach_positions(int64_t positions) = 0;
  virtual Var embed(Tape&, const TokenBatch&) = 0;
  virtual Var block(Tape&, int64_t layer, const Var& x, const Step&) = 0;
  virtual Var final_norm(Tape&, const Var& x) = 0;

  /// Attention over the packed documents, or over the cache, to which k and v are appended first.
  Var attend(Tape&, int64_t layer, const Var& q, const Var& k, const Var& v, const Step&);
  /// Children register what they own: for parameters() and linears().
  void add_weight(const Weight& weight) { weights_.push_back(&weight); }
  void add_linear(LinearLayer& layer);
  /// `score` of a classifier, or the language model's head, which shares `embeddings` where the model is tied.
  void build_head(const BuildOptions& build, const Weight& embeddings);

  Context& context_;
  Arenas arenas_;
  ModelConfig config_;
  Dtype dtype_;

 private:
  /// block() under its name in a profile.
  Var named_block(Tape&, int64_t layer, const Var& x, const Step&);

  std::vector<const Weight*> weights_;
  std::vector<LinearLayer*> linears_;
  LinearLayer head_;
};

std::unique_ptr<Decoder> build_llama(Context&, Arenas, const ModelConfig&, const BuildOptions&);
std::unique_ptr<Decoder> build_gemma(Context&, Arenas, const ModelConfig&, const BuildOptions&);
std::unique_ptr<Decoder> build_olmo2(Context&, Arenas, const ModelConfig&, const BuildOptions&);
std::unique_ptr<Decoder> build_gpt2(Context&, Arenas, const ModelConfig&, const BuildOptions&);

}  // namespace lorica
