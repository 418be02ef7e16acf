#include "engine/model/llama_like.h"

namespace lorica {

LlamaLike::LlamaLike(Context& context, Arenas arenas, const ModelConfig& config, const BuildOptions& build)
    : Decoder(context, arenas, config, build), ropes_(config.ropes.size()) {
  embed_tokens_ = Weight(arenas.lasting, build, "model.embed_tokens.weight", {config.vocab_size, config.hidden_size});
  add_weight(embed_tokens_);
}

void LlamaLike::build_norm(const BuildOptions& build, Weight& weight, const std::string& name, int64_t width) {
  weight = Weight(arenas_.lasting, build, name, {width});
  add_weight(weight);
}

void LlamaLike::build_attention(const BuildOptions& build, Attention& a, const std::string& at, bool fused) {
  const ModelConfig& c = config_;
  const int64_t q_width = c.heads * c.head_dim, kv_width = c.kv_heads * c.head_dim;
  const auto linear = [&](LinearLayer& layer, const char* name, int64_t in, int64_t out, bool bias) {
    layer = LinearLayer(arenas_.lasting, build, at + "self_attn." + name, in, out, bias);
    add_linear(layer);
  };
  if (fused) {
    linear(a.qkv_proj, "qkv_proj", c.hidden_size, q_width + 2 * kv_width, c.qkv_bias);
  } else {
    linear(a.q_proj, "q_proj", c.hidden_size, q_width, c.qkv_bias);
    linear(a.k_proj, "k_proj", c.hidden_size, kv_width, c.qkv_bias);
    linear(a.v_proj, "v_proj", c.hidden_size, kv_width, c.qkv_bias);
  }
  linear(a.o_proj, "o_proj", q_width, c.hidden_size, c.output_bias);
  if (c.qk_norm == QkNorm::kNone) return;
  const bool whole = c.qk_norm == QkNorm::kWhole;
  build_norm(build, a.q_norm, at + "self_attn.q_norm.weight", whole ? q_width : c.head_dim);
  build_norm(build, a.k_norm, at + "self_attn.k_norm.weight", whole ? kv_width : c.head_dim);
}

void LlamaLike::build_mlp(const BuildOptions& build, Mlp& m, const std::string& at, bool fused) {
  const ModelConfig& c = config_;
  const auto linear = [&](LinearLayer& layer, const char* name, int64_t in, int64_t out) {
    layer = LinearLayer(arenas_.lasting, build, at + "mlp." + name, in, out, c.mlp_bias);
    add_linear(layer);
  };
  if (fused) {
    linear(m.gate_up_proj, "gate_up_proj", c.hidden_size, 2 * c.intermediate_size);
  } else {
    linear(m.gate_proj, "gate_proj", c.hidden_size, c.intermediate_size);
    linear(m.up_proj, "up_proj", c.hidden_size, c.intermediate_size);
  }
  linear(m.down_proj, "down_proj", c.intermediate_size, c.hidden_size);
}

void LlamaLike::build_end(const BuildOptions& build) {
  build_norm(build, norm_, "model.norm.weight", config_.hidden_size);
  build_head(build, embed_tokens_);
}

Var LlamaLike::norm(Tape& tape, const Var& x, const Weight& weight) const {
  return rms_norm(tape, x, weight.var(tape), config_.norm_eps, config_.norm_offset);
}

Var LlamaLike::project(Tape& tape, const LinearLayer& layer, const Var& x, const Var& residual) const {
  if (config_.residual_scale == 1 || residual.shape().rank() == 0) return layer(tape, x, residual);
  return add(tape, residual, scale(tape, layer(tape, x), config_.residual_scale));
}

Var LlamaLike::heads(Tape& tape, Var x, int64_t count, const Weight& norm_weight, int64_t layer,
                     const TokenBatch& batch) {
  const int64_t tokens = x.shape()[0], d = config_.head_dim;
  if (config_.qk_norm == QkNorm::kHeads) x = norm(tape, reshape(tape, x, {tokens * count, d}), norm_weight);
  if (config_.qk_norm == QkNorm::kWhole) x = norm(tape, x, norm_weight);
  x = reshape(tape, x, {tokens, count, d});
  const int which = config_.rope_of_layer[static_cast<size_t>(layer)];
  if (which < 0) return x;
  const RopeTable& table = ropes_[static_cast<size_t>(which)];
  return rope(tape, x, table.cos(), table.sin(), batch.positions);
}

Var LlamaLike::attention(Tape& tape, int64_t layer, const Attention& a, const Var& n, const Var& residual,
                         const Step& step) {
  const ModelConfig& c = config_;
  const int64_t tokens = n.shape()[0], d = c.head_dim, q_width = c.heads * d, kv_width = c.kv_heads * d;
  Var q, k, v;
  if (a.qkv_proj.out_features() > 0) {
    const Var qkv = a.qkv_proj(tape, n);
    q = columns(tape, qkv, 0, q_width);
    k = columns(tape, qkv, q_width, kv_width);
    v = columns(tape, qkv, q_width + kv_width, kv_width);
  } else {
    q = a.q_proj(tape, n);
    k = a.k_proj(tape, n);
    v = a.v_proj(tape, n);
  }
  q = heads(tape, q, c.heads, a.q_norm, layer, step.batch);
  k = heads(tape, k, c.kv_heads, a.k_norm, layer, step.batch);
  v = reshape(tape, v, {tokens, c.kv_heads, d});
  const Var o = reshape(tape, attend(tape, layer, q, k, v, step), {tokens, q_width});
  return project(tape, a.o_proj, o, residual);
}

Var LlamaLike::mlp(Tape& tape, const Mlp& m, const Var& n, const Var& residual) const {
  Var gate, up;
  if (m.gate_up_proj.out_features() > 0) {
    const Var both = m.gate_up_proj(tape, n);
    gate = columns(tape, both, 0, config_.intermediate_size);
    up = columns(tape, both, config_.intermediate_size, config_.intermediate_size);
  } else {
    gate = m.gate_proj(tape, n);
    up = m.up_proj(tape, n);
  }
  return project(tape, m.down_proj, glu(tape, gate, up, config_.activation), residual);
}

void LlamaLike::reach_positions(int64_t positions) {
  for (size_t i = 0; i < ropes_.size(); ++i)
    ropes_[i].reach(arenas_.lasting, config_.ropes[i], config_.head_dim, config_.max_positions, positions);
}

Var LlamaLike::embed(Tape& tape, const TokenBatch& batch) {
  return embedding(tape, embed_tokens_.var(tape), batch.ids, dtype_, config_.embedding_scale);
}

Var LlamaLike::final_norm(Tape& tape, const Var& x) {
  const Var y = norm(tape, x, norm_);
  return config_.logits_scale == 1 ? y : scale(tape, y, config_.logits_scale);  // the head is linear
}

}  // namespace lorica
