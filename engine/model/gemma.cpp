#include "engine/model/llama_like.h"

namespace lorica {
namespace {

/// Gemma 2 and Gemma 3 (text): a norm before and behind each half of the block.
///     x = x + norm(attention(norm(x)))
///     x = x + norm(mlp(norm(x)))                embedding scaled by sqrt(D), norm weights stored less one
/// Gemma 2 caps the attention's scores and the logits; Gemma 3 has an RMSNorm on each head of q and k, and slower
/// rotations in its layers of full attention. Windows as layer_types has them.
/// Reference Gemma Team 2024 and 2025.
class Gemma : public LlamaLike {
 public:
  Gemma(Context& context, Arenas arenas, const ModelConfig& config, const BuildOptions& build)
      : LlamaLike(context, arenas, config, build), blocks_(static_cast<size_t>(config.layers)) {
    // the reference multiplies by the scale as the weights' dtype has it
    if (dtype_ == Dtype::bf16) config_.embedding_scale = static_cast<float>(bf16(config_.embedding_scale));
    for (size_t i = 0; i < blocks_.size(); ++i) {
      const std::string at = fmt::format("model.layers.{}.", i);
      Block& b = blocks_[i];
      build_norm(build, b.input_norm, at + "input_layernorm.weight", config.hidden_size);
      build_attention(build, b.attention, at);
      build_norm(build, b.post_attention_norm, at + "post_attention_layernorm.weight", config.hidden_size);
      build_norm(build, b.pre_mlp_norm, at + "pre_feedforward_layernorm.weight", config.hidden_size);
      build_mlp(build, b.mlp, at);
      build_norm(build, b.post_mlp_norm, at + "post_feedforward_layernorm.weight", config.hidden_size);
    }
    build_end(build);
  }

 private:
  struct Block {
    Weight input_norm, post_attention_norm, pre_mlp_norm, post_mlp_norm;
    Attention attention;
    Mlp mlp;
  };

  Var block(Tape& tape, int64_t layer, const Var& x, const Step& step) override {
    const Block& b = blocks_[static_cast<size_t>(layer)];
    const Var a = attention(tape, layer, b.attention, norm(tape, x, b.input_norm), {}, step);
    const Var attended = add(tape, x, norm(tape, a, b.post_attention_norm));
    const Var m = mlp(tape, b.mlp, norm(tape, attended, b.pre_mlp_norm), {});
    return add(tape, attended, norm(tape, m, b.post_mlp_norm));
  }

  std::vector<Block> blocks_;
};

}  // namespace

std::unique_ptr<Decoder> build_gemma(Context& context, Arenas arenas, const ModelConfig& config,
                                     const BuildOptions& build) {
  return std::make_unique<Gemma>(context, arenas, config, build);
}

}  // namespace lorica
