#include "engine/model/llama_like.h"

namespace lorica {
namespace {

/// OLMo 2: norms behind each half of the block and none before, RMSNorm on the whole width of q and of k.
///     x = x + norm(attention(x))
///     x = x + norm(mlp(x))
/// Reference OLMo et al. 2024.
class Olmo2 : public LlamaLike {
 public:
  Olmo2(Context& context, Arenas arenas, const ModelConfig& config, const BuildOptions& build)
      : LlamaLike(context, arenas, config, build), blocks_(static_cast<size_t>(config.layers)) {
    for (size_t i = 0; i < blocks_.size(); ++i) {
      const std::string at = fmt::format("model.layers.{}.", i);
      Block& b = blocks_[i];
      build_attention(build, b.attention, at);
      build_norm(build, b.post_attention_norm, at + "post_attention_layernorm.weight", config.hidden_size);
      build_mlp(build, b.mlp, at);
      build_norm(build, b.post_mlp_norm, at + "post_feedforward_layernorm.weight", config.hidden_size);
    }
    build_end(build);
  }

 private:
  struct Block {
    Weight post_attention_norm, post_mlp_norm;
    Attention attention;
    Mlp mlp;
  };

  Var block(Tape& tape, int64_t layer, const Var& x, const Step& step) override {
    const Block& b = blocks_[static_cast<size_t>(layer)];
    const Var a = attention(tape, layer, b.attention, x, {}, step);
    const Var attended = add(tape, x, norm(tape, a, b.post_attention_norm));
    return add(tape, attended, norm(tape, mlp(tape, b.mlp, attended, {}), b.post_mlp_norm));
  }

  std::vector<Block> blocks_;
};

}  // namespace

std::unique_ptr<Decoder> build_olmo2(Context& context, Arenas arenas, const ModelConfig& config,
                                     const BuildOptions& build) {
  return std::make_unique<Olmo2>(context, arenas, config, build);
}

}  // namespace lorica
