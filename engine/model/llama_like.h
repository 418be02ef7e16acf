#pragma once
#include <string>
#include <vector>

#include "engine/model/decoder.h"

namespace lorica {

/// What Llama and its descendants share: token embedding, rotary tables, RMSNorm, attention and the gated MLP. A family
/// derives from it and says how its block joins them.
class LlamaLike : public Decoder {
 protected:
  LlamaLike(Context& context, Arenas arenas, const ModelConfig& config, const BuildOptions& build);

  /// Either three projections or, where a family fuses them, qkv_proj alone.
  struct Attention {
    LinearLayer q_proj, k_proj, v_proj, qkv_proj, o_proj;
    Weight q_norm, k_norm;
  };
  struct Mlp {
    LinearLayer gate_proj, up_proj, gate_up_proj, down_proj;
  };
  /// Load and register; `at` is the block's path with its dot.
  void build_norm(const BuildOptions& build, Weight& weight, const std::string& name, int64_t width);
  void build_attention(const BuildOptions& build, Attention& attention, const std::string& at, bool fused = false);
  void build_mlp(const BuildOptions& build, Mlp& mlp, const std::string& at, bool fused = false);
  /// The last norm and the head: after all blocks, so that parameters keep the order of the model.
  void build_end(const BuildOptions& build);

  Var norm(Tape& tape, const Var& x, const Weight& weight) const;
  /// residual + residual_scale * o_proj(attention(...)); an empty residual adds nothing.
  Var attention(Tape& tape, int64_t layer, const Attention& a, const Var& n, const Var& residual, const Step& step);
  /// residual + residual_scale * down_proj(act(gate) * up)
  Var mlp(Tape& tape, const Mlp& m, const Var& n, const Var& residual) const;

  void reach_positions(int64_t positions) override;
  Var embed(Tape& tape, const TokenBatch& batch) override;
  Var final_norm(Tape& tape, const Var& x) override;

 private:
  Var project(Tape& tape, const LinearLayer& layer, const Var& x, const Var& residual) const;
  /// [T, heads d] to [T, heads, d], normalised and rotated as the family has it.
  Var heads(Tape& tape, Var x, int64_t count, const Weight& norm_weight, int64_t layer, const TokenBatch& batch);

  Weight embed_tokens_, norm_;
  std::vector<RopeTable> ropes_;
};

}  // namespace lorica
