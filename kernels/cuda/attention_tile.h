#pragma once
#include <cstdint>

#include "kernels/dtype.h"

// Sizes of the tiles of the attention kernels that multiply by mma, by head width (padded to the width of a kernel). A
// block has kAttentionWarps warps; each owns 16 * row_blocks rows for itself, and the block walks over `columns`
// columns at a time. Two row blocks a warp halve the reads of shared memory, which otherwise bound mma.sync: a 16 x 16
// piece of the column operand (512 bytes, 4 cycles) feeds two products a row block (4 cycles on sm_80, 2 on sm_90).
// What limits them is 255 registers a thread. Shared memory stays under the 99 KB that every GPU from sm_80 on gives a
// block.
namespace lorica {

constexpr int kAttentionWarps = 4;
constexpr unsigned kAttentionSharedLimit = 99 * 1024;
constexpr int kAttentionThreads = 32 * kAttentionWarps;

struct AttentionTile {
  int row_blocks, columns;
  constexpr int rows() const { return 16 * row_blocks * kAttentionWarps; }
};

/// Rows are queries, columns keys. Registers a thread: width / 2 for o and columns / 2 for scores, a row block.
constexpr AttentionTile forward_tile(int width) {
  if (width <= 128) return {.row_blocks = 2, .columns = 64};  // at 128: 128 + 64 registers, 64 KB, two blocks an SM
  return {.row_blocks = 1, .columns = 64};                    // at 256: 128 + 32 registers, 96 KB
}

/// dq: rows are queries, columns keys. Registers: width / 2 for dq and columns for scores and dP, a row block. Keys and
/// values are kept twice, so the columns also follow from shared memory.
constexpr AttentionTile backward_query_tile(int width) {
  if (width <= 128) return {.row_blocks = 2, .columns = 32};  // at 128: 128 + 64 registers, 96 KB, two blocks an SM
  return {.row_blocks = 1, .columns = 16};                    // at 256: 128 + 16 registers, 96 KB
}

/// dk and dv: rows are keys, columns queries. Registers: width for dk and dv (above 128 columns of width a block makes
/// only one of them: width / 2) and columns for scores and dP, a row block.
constexpr AttentionTile backward_key_tile(int width) {
  if (width <= 64) return {.row_blocks = 2, .columns = 32};   // at 64: 128 + 64 registers, 48 KB
  if (width <= 128) return {.row_blocks = 1, .columns = 32};  // at 128: 128 + 32 registers, 64 KB, three blocks an SM
  return {.row_blocks = 1, .columns = 16};                    // at 256: 128 + 16 registers, 96 KB
}

/// Whether the mma kernels take this head width: 16-byte chunks, and a width there is a kernel for.
inline bool takes_mma(Dtype dtype, int64_t d) { return dtype == Dtype::bf16 && d % 8 == 0 && d <= 256; }

/// Calls fn.template operator()<kWidth>() with the smallest width of a kernel that holds d.
template <class Fn>
void visit_width(int64_t d, Fn&& fn) {
  if (d <= 32) return fn.template operator()<32>();
  if (d <= 64) return fn.template operator()<64>();
  if (d <= 96) return fn.template operator()<96>();
  if (d <= 128) return fn.template operator()<128>();
  return fn.template operator()<256>();
}

constexpr unsigned tiles_of(int64_t n, int64_t tile) { return static_cast<unsigned>((n + tile - 1) / tile); }

}  // namespace lorica
