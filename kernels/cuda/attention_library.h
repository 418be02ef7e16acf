#pragma once
#include <compare>
#include <memory>
#include <optional>
#include <string>

#include "kernels/cuda/backend.h"
#include "kernels/ops/attention.h"

namespace lorica {

/// Causal attention over packed documents of bf16 as a library is asked for it: a plan is made for each of these once.
struct PackedAttention {
  bool backward = false;
  int64_t documents = 0, tokens = 0;
  int64_t longest = 0;  ///< no document has more tokens; a multiple of 128, and few of them occur
  int64_t heads = 0, kv_heads = 0, d = 0, window = 0;
  float scale = 1;
  auto operator<=>(const PackedAttention&) const = default;
  std::string text() const;
};

/// What the library reads and writes, all on the device. Tensors are laid out as in the op, but for `stats` [T, H] f32,
/// the log-sum-exp of a row's scaled scores (natural logarithm). Document i begins at element query_offsets[i] of q, o
/// and their gradients, key_offsets[i] of k, v and theirs, row_offsets[i] of stats, and has lengths[i] tokens.
struct PackedAttentionData {
  const void *q = nullptr, *k = nullptr, *v = nullptr;
  void* o = nullptr;       ///< read by the backward pass
  float* stats = nullptr;  ///< likewise
  const void* d_o = nullptr;
  void *dq = nullptr, *dk = nullptr, *dv = nullptr;                                  ///< all three are written
  int32_t *query_offsets = nullptr, *key_offsets = nullptr, *row_offsets = nullptr;  ///< [documents + 1]
  int32_t* lengths = nullptr;                                                        ///< [documents]
};

/// A library that does such attention, deterministically, on the backend's stream, so that it can be recorded in a
/// graph.
class PackedAttentionEngine {
 public:
  virtual ~PackedAttentionEngine() = default;
  /// The plan's workspace in bytes; none where the library does not take the problem. Makes the plan.
  virtual std::optional<size_t> workspace(CudaBackend&, const PackedAttention&) = 0;
  virtual void execute(CudaBackend&, const PackedAttention&, const PackedAttentionData&, void* workspace) = 0;
  /// Which library, which version, from which file: whole lines.
  virtual std::string describe() const = 0;
};

/// cuDNN (cudnn_attention.cpp). Throws Error where this build lacks its headers (cudnn_absent.cpp) or the library is
/// not found. Under the SIMT harness a plain loop.
std::unique_ptr<PackedAttentionEngine> make_cudnn_attention(CudaBackend&);

/// The ops of attention by such a library. What it takes follows from shapes, dtypes and options alone:
/// bf16, no softcap, widths of a multiple of 8 up to 256, tensors whose elements 32 bits count, what the library has a
/// plan for, and a plan whose workspace is at most most_workspace(). The lse of the op is the same whoever computes it.
/// Numerics  P and dS are rounded to bf16; a gradient that is added to is rounded before the addition, and after it.
class AttentionLibrary {
 public:
  /// An eighth of the card's memory: cuDNN's deterministic backward pass keeps dP for all pairs of tokens.
  static size_t most_workspace(const CudaBackend& cuda) { return cuda.properties().totalGlobalMem / 8; }

  explicit AttentionLibrary(std::unique_ptr<PackedAttentionEngine> engine) : engine_(std::move(engine)) {}
  bool takes(CudaBackend&, const AttentionFwd&);
  bool takes(CudaBackend&, const AttentionBwd&);
  /// Puts the op on the stream; false, and nothing is done, where takes() is false.
  bool run(CudaBackend&, const AttentionFwd&);
  bool run(CudaBackend&, const AttentionBwd&);
  std::string describe() const { return engine_->describe(); }

 private:
  struct Plan {
    PackedAttention problem;
    size_t workspace;
  };
  std::optional<Plan> plan(CudaBackend&, const std::optional<PackedAttention>&);
  std::unique_ptr<PackedAttentionEngine> engine_;
};

/// The op as a library is asked for it; none where no library is.
std::optional<PackedAttention> packed_attention(const AttentionFwd&);
std::optional<PackedAttention> packed_attention(const AttentionBwd&);

}  // namespace lorica
