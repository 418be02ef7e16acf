#include "engine/model/decoder.h"

namespace lorica {
namespace {

/// GPT-2: learned positions, LayerNorm, one projection for q, k and v, weights stored as [in, out].
///     x = x + c_proj(attention(c_attn(LayerNorm(x))))
///     x = x + c_proj(gelu(c_fc(LayerNorm(x))))
/// Reference Radford et al. 2019.
class Gpt2 : public Decoder {
 public:
  Gpt2(Context& context, Arenas arenas, const ModelConfig& config, const BuildOptions& build)
      : Decoder(context, arenas, config, build) {
    const ModelConfig& c = config_;
    Arena& arena = arenas.lasting;
    const auto weight = [&](Weight& w, const std::string& name, Shape shape) {
      w = Weight(arena, build, "transformer." + name, shape);
      add_weight(w);
    };
    weight(wte_, "wte.weight", {c.vocab_size, c.hidden_size});
    weight(wpe_, "wpe.weight", {c.max_positions, c.hidden_size});
    blocks_.resize(static_cast<size_t>(c.layers));
    for (int64_t i = 0; i < c.layers; ++i) {
      Block& b = blocks_[static_cast<size_t>(i)];
      const std::string at = fmt::format("h.{}.", i);
      const auto linear = [&](LinearLayer& layer, const char* name, int64_t in, int64_t out) {
        layer = LinearLayer(arena, build, "transformer." + at + name, in, out, true, WeightLayout::kInOut);
        add_linear(layer);
      };
      weight(b.ln_1, at + "ln_1.weight", {c.hidden_size});
      weight(b.ln_1_bias, at + "ln_1.bias", {c.hidden_size});
      linear(b.c_attn, "attn.c_attn", c.hidden_size, 3 * c.hidden_size);
      linear(b.attn_proj, "attn.c_proj", c.hidden_size, c.hidden_size);
      weight(b.ln_2, at + "ln_2.weight", {c.hidden_size});
      weight(b.ln_2_bias, at + "ln_2.bias", {c.hidden_size});
      linear(b.c_fc, "mlp.c_fc", c.hidden_size, c.intermediate_size);
      linear(b.mlp_proj, "mlp.c_proj", c.intermediate_size, c.hidden_size);
    }
    weight(ln_f_, "ln_f.weight", {c.hidden_size});
    weight(ln_f_bias_, "ln_f.bias", {c.hidden_size});
    build_head(build, wte_);
  }

 private:
  struct Block {
    Weight ln_1, ln_1_bias, ln_2, ln_2_bias;
    LinearLayer c_attn, attn_proj, c_fc, mlp_proj;
  };

  void reach_positions(int64_t positions) override {
    if (positions > config_.max_positions)
      throw Error("a document of {} tokens is longer than the model's {} positions", positions, config_.max_positions);
  }

  Var embed(Tape& tape, const TokenBatch& batch) override {
    return add(tape, embedding(tape, wte_.var(tape), batch.ids, dtype_),
               embedding(tape, wpe_.var(tape), batch.positions, dtype_));
  }

  Var block(Tape& tape, int64_t layer, const Var& x, const Step& step) override {
    const Block& b = blocks_[static_cast<size_t>(layer)];
    const int64_t tokens = x.shape()[0], width = config_.hidden_size;

    const Var n = layer_norm(tape, x, b.ln_1.var(tape), b.ln_1_bias.var(tape), config_.norm_eps);
    const Var qkv = b.c_attn(tape, n);
    const auto part = [&](int64_t i) {
      return reshape(tape, columns(tape, qkv, i * width, width), {tokens, config_.heads, config_.head_dim});
    };
    const Var o = reshape(tape, attend(tape, layer, part(0), part(1), part(2), step), {tokens, width});
    const Var attended = b.attn_proj(tape, o, x);

    const Var m = layer_norm(tape, attended, b.ln_2.var(tape), b.ln_2_bias.var(tape), config_.norm_eps);
    return b.mlp_proj(tape, activation(tape, b.c_fc(tape, m), config_.activation), attended);
  }

  Var final_norm(Tape& tape, const Var& x) override {
    return layer_norm(tape, x, ln_f_.var(tape), ln_f_bias_.var(tape), config_.norm_eps);
  }

  Weight wte_, wpe_, ln_f_, ln_f_bias_;
  std::vector<Block> blocks_;
};

}  // namespace

std::unique_ptr<Decoder> build_gpt2(Context& context, Arenas arenas, const ModelConfig& config,
                                    const BuildOptions& build) {
  return std::make_unique<Gpt2>(context, arenas, config, build);
}

}  // namespace lorica
