#include "engine/model/llama_like.h"

namespace lorica {
namespace {

/// Llama and its near kin (Mistral, Qwen2, Qwen3, Granite, SmolLM3, and Phi-3 with fused projections):
///     x = x + o_proj(attention(rope(norm(q)), rope(norm(k)), v))       q, k, v = projections of RMSNorm(x)
///     x = x + down_proj(silu(gate_proj(n)) * up_proj(n))               n = RMSNorm(x)
/// Qwen2 has biases on q, k and v; Qwen3 an RMSNorm on each head of q and k; Mistral and Phi-3 a sliding window;
/// Granite scales what is added to x; SmolLM3 leaves rope out of every fourth layer. Reference Touvron et al. 2023, and
/// the families' reports.
class Llama : public LlamaLike {
 public:
  Llama(Context& context, Arenas arenas, const ModelConfig& config, const BuildOptions& build)
      : LlamaLike(context, arenas, config, build), blocks_(static_cast<size_t>(config.layers)) {
    const bool fused = config.family == "phi3";
    for (size_t i = 0; i < blocks_.size(); ++i) {
      const std::string at = fmt::format("model.layers.{}.", i);
      Block& b = blocks_[i];
      build_norm(build, b.input_norm, at + "input_layernorm.weight", config.hidden_size);
      build_attention(build, b.attention, at, fused);
      build_norm(build, b.post_attention_norm, at + "post_attention_layernorm.weight", config.hidden_size);
      build_mlp(build, b.mlp, at, fused);
    }
    build_end(build);
  }

 private:
  struct Block {
    Weight input_norm, post_attention_norm;
    Attention attention;
    Mlp mlp;
  };

  Var block(Tape& tape, int64_t layer, const Var& x, const Step& step) override {
    const Block& b = blocks_[static_cast<size_t>(layer)];
    const Var attended = attention(tape, layer, b.attention, norm(tape, x, b.input_norm), x, step);
    return mlp(tape, b.mlp, norm(tape, attended, b.post_attention_norm), attended);
  }

  std::vector<Block> blocks_;
};

}  // namespace

std::unique_ptr<Decoder> build_llama(Context& context, Arenas arenas, const ModelConfig& config,
                                     const BuildOptions& build) {
  return std::make_unique<Llama>(context, arenas, config, build);
}

}  // namespace lorica
