#include "kernels/cuda/attention_library.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "kernels/cuda/attention_packed.h"

namespace lorica {
namespace {

constexpr int64_t kTile = 128;  // of the library's kernels

/// A power of two, so that few plans are made.
int64_t few(int64_t longest) {
  return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max(longest, kTile))));
}

template <class Op>
std::optional<PackedAttention> packed(const Op& op, bool backward) {
  const int64_t tokens = op.q.shape[0], heads = op.q.shape[1], d = op.q.shape[2];
  const int64_t documents = op.cu_seqlens.shape[0] - 1;
  if (op.q.dtype != Dtype::bf16 || op.softcap != 0 || d % 8 != 0 || d > 256 || tokens == 0 || documents == 0 ||
      tokens * heads * d > std::numeric_limits<int32_t>::max())
    return std::nullopt;
  const int64_t longest = op.longest > 0 ? std::min(op.longest, tokens) : tokens;
  return PackedAttention{.backward = backward,
                         .documents = documents,
                         .tokens = tokens,
                         .longest = std::min(few(longest), (tokens + kTile - 1) / kTile * kTile),
                         .heads = heads,
                         .kv_heads = op.k.shape[1],
                         .d = d,
                         .window = op.window,
                         .scale = op.scale};
}

/// Hands out pieces of a block, aligned for any kernel; without a block it only counts.
struct Pieces {
  char* block = nullptr;
  size_t bytes = 0;

  template <class T>
  void take(T*& piece, int64_t elements) {
    if (block) piece = static_cast<T*>(static_cast<void*>(block + bytes));
    bytes += (static_cast<size_t>(elements) * sizeof(T) + 255) / 256 * 256;
  }
};

/// Calls take(pieces) to count, and again to hand out a scratch slot of that size.
template <class Take>
void carve(CudaBackend& cuda, CudaBackend::Slot slot, Take&& take) {
  Pieces pieces;
  take(pieces);
  pieces = {.block = static_cast<char*>(cuda.scratch(slot, pieces.bytes))};
  take(pieces);
}

void take_offsets(Pieces& pieces, const PackedAttention& p, PackedAttentionData& data) {
  for (int32_t** offsets : {&data.query_offsets, &data.key_offsets, &data.row_offsets})
    pieces.take(*offsets, p.documents + 1);
  pieces.take(data.lengths, p.documents);
  pieces.take(data.stats, p.tokens * p.heads);
}

}  // namespace

std::string PackedAttention::text() const {
  return fmt::format("{} of {} tokens in {} documents of up to {}, {} and {} heads of {}, window {}",
                     backward ? "backward" : "forward", tokens, documents, longest, heads, kv_heads, d, window);
}

std::optional<PackedAttention> packed_attention(const AttentionFwd& op) { return packed(op, false); }
std::optional<PackedAttention> packed_attention(const AttentionBwd& op) { return packed(op, true); }

std::optional<AttentionLibrary::Plan> AttentionLibrary::plan(CudaBackend& cuda,
                                                             const std::optional<PackedAttention>& problem) {
  if (!problem) return std::nullopt;
  const std::optional<size_t> workspace = engine_->workspace(cuda, *problem);
  if (!workspace || *workspace > most_workspace(cuda)) return std::nullopt;
  return Plan{*problem, *workspace};
}

bool AttentionLibrary::takes(CudaBackend& cuda, const AttentionFwd& op) {
  return plan(cuda, packed_attention(op)).has_value();
}
bool AttentionLibrary::takes(CudaBackend& cuda, const AttentionBwd& op) {
  return plan(cuda, packed_attention(op)).has_value();
}

bool AttentionLibrary::run(CudaBackend& cuda, const AttentionFwd& op) {
  const std::optional<Plan> found = plan(cuda, packed_attention(op));
  if (!found) return false;
  const PackedAttention& p = found->problem;
  PackedAttentionData data{.q = op.q.data, .k = op.k.data, .v = op.v.data, .o = op.o.data};
  carve(cuda, CudaBackend::kScratch0, [&](Pieces& pieces) { take_offsets(pieces, p, data); });
  write_packed_offsets(cuda, p, op.cu_seqlens.as<int32_t>(), data);
  engine_->execute(cuda, p, data, cuda.scratch(CudaBackend::kScratch1, found->workspace));
  cuda.after_launch("attention library");
  if (op.lse) transpose_rows(cuda, data.stats, p.tokens, p.heads, op.lse.as<float>());
  return true;
}

bool AttentionLibrary::run(CudaBackend& cuda, const AttentionBwd& op) {
  const std::optional<Plan> found = plan(cuda, packed_attention(op));
  if (!found) return false;
  const PackedAttention& p = found->problem;
  PackedAttentionData data{
      .q = op.q.data, .k = op.k.data, .v = op.v.data, .o = const_cast<void*>(op.o.data), .d_o = op.do_.data};
  // The library writes all three: what the op skips or adds to, it writes aside.
  struct Gradient {
    const GradOut& out;
    void*& written;
    int64_t elements;
    bf16* aside;
  };
  const int64_t queries = op.q.elements(), keys = op.k.elements();
  Gradient gradients[] = {
      {op.dq, data.dq, queries, nullptr}, {op.dk, data.dk, keys, nullptr}, {op.dv, data.dv, keys, nullptr}};
  carve(cuda, CudaBackend::kScratch0, [&](Pieces& pieces) {
    take_offsets(pieces, p, data);
    for (Gradient& gradient : gradients)
      if (gradient.out.mode != GradMode::kWrite) pieces.take(gradient.aside, gradient.elements);
  });
  for (Gradient& gradient : gradients) gradient.written = gradient.aside ? gradient.aside : gradient.out.tensor.data;

  write_packed_offsets(cuda, p, op.cu_seqlens.as<int32_t>(), data);
  transpose_rows(cuda, op.lse.as<float>(), p.heads, p.tokens, data.stats);
  engine_->execute(cuda, p, data, cuda.scratch(CudaBackend::kScratch1, found->workspace));
  cuda.after_launch("attention library");
  for (const Gradient& gradient : gradients)
    if (gradient.out.mode == GradMode::kAdd)
      add_rounded(cuda, gradient.aside, gradient.out.tensor.as<bf16>(), gradient.elements);
  return true;
}

bool library_takes(CudaBackend& cuda, const AttentionFwd& op) {
  return cuda.attention_library() && cuda.attention_library()->takes(cuda, op);
}
bool library_takes(CudaBackend& cuda, const AttentionBwd& op) {
  return cuda.attention_library() && cuda.attention_library()->takes(cuda, op);
}

}  // namespace lorica
