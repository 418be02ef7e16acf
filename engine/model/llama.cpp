#include "engine/model/decoder.h"

namespace lorica {
namespace {

/// Llama and its near kin (Mistral, Qwen2, Qwen3):
///     x = x + o_proj(attention(rope(norm(q)), rope(norm(k)), v))       q, k, v = projections of RMSNorm(x)
///     x = x + down_proj(silu(gate_proj(n)) * up_proj(n))               n = RMSNorm(x)
/// Qwen2 has biases on q, k and v; Qwen3 an RMSNorm on each head of q and k; Mistral a sliding window.
/// Reference Touvron et al. 2023, and the families' reports.
class Llama : public Decoder {
 public:
  Llama(Context& context, Arenas arenas, const ModelConfig& config, const BuildOptions& build)
      : Decoder(context, arenas, config, build) {
    const ModelConfig& c = config_;
    Arena& arena = arenas.lasting;
    embed_tokens_ = Weight(arena, build, "model.embed_tokens.weight", {c.vocab_size, c.hidden_size});
    add_weight(embed_tokens_);
    blocks_.resize(static_cast<size_t>(c.layers));
    for (int64_t i = 0; i < c.layers; ++i) build_block(arena, build, i);
    norm_ = Weight(arena, build, "model.norm.weight", {c.hidden_size});
    add_weight(norm_);
    if (c.tie_embeddings)
      set_head(LinearLayer::tied("lm_head", embed_tokens_, c.hidden_size, c.vocab_size));
    else
      set_head(LinearLayer(arena, build, "lm_head", c.hidden_size, c.vocab_size, false));
  }

 private:
  struct Block {
    Weight input_norm, post_attention_norm, q_norm, k_norm;
    LinearLayer q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj;
  };

  void build_block(Arena& arena, const BuildOptions& build, int64_t i) {
    const ModelConfig& c = config_;
    Block& b = blocks_[static_cast<size_t>(i)];
    const std::string at = fmt::format("model.layers.{}.", i);
    const int64_t q_width = c.heads * c.head_dim, kv_width = c.kv_heads * c.head_dim;
    const auto linear = [&](LinearLayer& layer, const char* name, int64_t in, int64_t out, bool bias) {
      layer = LinearLayer(arena, build, at + name, in, out, bias);
      add_linear(layer);
    };
    const auto norm = [&](Weight& weight, const char* name, int64_t width) {
      weight = Weight(arena, build, at + name, {width});
      add_weight(weight);
    };
    norm(b.input_norm, "input_layernorm.weight", c.hidden_size);
    linear(b.q_proj, "self_attn.q_proj", c.hidden_size, q_width, c.qkv_bias);
    linear(b.k_proj, "self_attn.k_proj", c.hidden_size, kv_width, c.qkv_bias);
    linear(b.v_proj, "self_attn.v_proj", c.hidden_size, kv_width, c.qkv_bias);
    linear(b.o_proj, "self_attn.o_proj", q_width, c.hidden_size, c.output_bias);
    if (c.qk_norm) {
      norm(b.q_norm, "self_attn.q_norm.weight", c.head_dim);
      norm(b.k_norm, "self_attn.k_norm.weight", c.head_dim);
    }
    norm(b.post_attention_norm, "post_attention_layernorm.weight", c.hidden_size);
    linear(b.gate_proj, "mlp.gate_proj", c.hidden_size, c.intermediate_size, c.mlp_bias);
    linear(b.up_proj, "mlp.up_proj", c.hidden_size, c.intermediate_size, c.mlp_bias);
    linear(b.down_proj, "mlp.down_proj", c.intermediate_size, c.hidden_size, c.mlp_bias);
  }

  void reach_positions(int64_t positions) override { rope_.reach(arenas_.lasting, config_, positions); }

  Var embed(Tape& tape, const TokenBatch& batch) override {
    return embedding(tape, embed_tokens_.var(tape), batch.ids, dtype_);
  }

  /// [T, heads d] to [T, heads, d], normalised (Qwen3) and rotated.
  Var heads(Tape& tape, Var x, int64_t count, const Weight& norm, const TokenBatch& batch) {
    const int64_t tokens = x.shape()[0], d = config_.head_dim;
    if (config_.qk_norm) {
      x = reshape(tape, x, {tokens * count, d});
      x = rms_norm(tape, x, norm.var(tape), config_.norm_eps);
    }
    return rope(tape, reshape(tape, x, {tokens, count, d}), rope_.cos(), rope_.sin(), batch.positions);
  }

  Var block(Tape& tape, int64_t layer, const Var& x, const Step& step) override {
    const Block& b = blocks_[static_cast<size_t>(layer)];
    const int64_t tokens = x.shape()[0], d = config_.head_dim;

    const Var n = rms_norm(tape, x, b.input_norm.var(tape), config_.norm_eps);
    const Var q = heads(tape, b.q_proj(tape, n), config_.heads, b.q_norm, step.batch);
    const Var k = heads(tape, b.k_proj(tape, n), config_.kv_heads, b.k_norm, step.batch);
    const Var v = reshape(tape, b.v_proj(tape, n), {tokens, config_.kv_heads, d});
    const Var o = reshape(tape, attend(tape, layer, q, k, v, step), {tokens, config_.heads * d});
    const Var attended = b.o_proj(tape, o, x);  // the residual add is the projection's own

    const Var m = rms_norm(tape, attended, b.post_attention_norm.var(tape), config_.norm_eps);
    const Var inner = glu(tape, b.gate_proj(tape, m), b.up_proj(tape, m), config_.activation);
    return b.down_proj(tape, inner, attended);
  }

  Var final_norm(Tape& tape, const Var& x) override { return rms_norm(tape, x, norm_.var(tape), config_.norm_eps); }

  Weight embed_tokens_, norm_;
  RopeTable rope_;
  std::vector<Block> blocks_;
};

}  // namespace

std::unique_ptr<Decoder> build_llama(Context& context, Arenas arenas, const ModelConfig& config,
                                     const BuildOptions& build) {
  return std::make_unique<Llama>(context, arenas, config, build);
}

}  // namespace lorica
