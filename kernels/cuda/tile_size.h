#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>

// How work is cut into blocks and threads, with the reason beside each choice. Everything depends on shapes alone.
namespace lorica::tile {

/// Elementwise kernels: eight such blocks fill an SM, and a thread's two or three 16-byte loads then keep more than the
/// 20 KB in flight that an SM needs to reach the memory's speed.
constexpr int kFlatThreads = 256;

/// The optimiser: what a block takes of one tensor. Two 16-byte vectors of each of four arrays a thread; small, because
/// a LoRA factor has some 10,000 elements and the blocks of all tensors share the SMs.
constexpr int kAdamWThreads = 256, kAdamWElements = kAdamWThreads * 8;
/// The sum of squares reads one array, so a block takes more.
constexpr int kNormSumThreads = 256, kNormSumElements = kNormSumThreads * 16;
/// Tensors in one launch: their table travels as a kernel parameter (at most 32,764 bytes), which needs no copy and can
/// be recorded in a graph. LoRA on all matrices of 36 blocks has 504.
constexpr int kTensorsPerLaunch = 512;

/// Embedding, backward: a thread a column, and a token of the list that is searched.
constexpr int kEmbeddingThreads = 128;

/// Sampling: a block a sequence, with a histogram of 2 KB for each warp, in which its lanes meet.
constexpr int kSampleThreads = 512;

/// Norms: a row lies in the registers of its threads, `kept` vectors in each, so that memory is read once.
struct RowTile {
  int row_threads;    ///< a power of two up to a warp, or the whole block
  int block_threads;  ///< a multiple of a warp
  int rows_per_block() const { return block_threads / row_threads; }
};
/// 512 threads leave each 128 registers. Four vectors of x and dy fit there; beside the gradients of w and b, and the
/// next row on its way, one does.
constexpr int kNormMaxThreads = 512;
constexpr int kNormKept = 4, kNormKeptWithGradients = 1;
/// `vectors` make up a row. As few threads as can hold it, so that each has several loads on its way: a part of a warp
/// (a head of 64 has 8 vectors), a warp, and a block, whose reduction costs a barrier, only where it must.
constexpr RowTile row_tile(int64_t vectors, int kept) {
  constexpr int kWarp = 32, kSmallBlock = 128;
  const int64_t threads = (vectors + kept - 1) / kept;
  if (threads <= kWarp) return {static_cast<int>(std::bit_ceil(static_cast<uint64_t>(threads))), kSmallBlock};
  const int whole = static_cast<int>(std::min<int64_t>((threads + kWarp - 1) / kWarp * kWarp, kNormMaxThreads));
  return {whole, whole};
}

/// The fixed ranges of rows over which the gradient of a norm's weight is summed: as many as keep 512 threads on each
/// of an H100's 132 SMs, of at least 4 rows so that a partial sum costs less than what it sums.
struct RowRanges {
  int rows_each;
  int64_t count;
};
constexpr RowRanges row_ranges(int64_t rows, int row_threads) {
  const int64_t wanted = std::max<int64_t>(1, 132 * 512 / row_threads);
  const int64_t each = std::max<int64_t>(4, (rows + wanted - 1) / wanted);
  return {static_cast<int>(each), (rows + each - 1) / each};
}

/// Adding up partial sums: 32 columns make a 128-byte line; strips of the parts are summed side by side, since one
/// thread walking hundreds of parts would wait for memory each time.
constexpr int kPartialColumns = 32, kPartialStrips = 32;
constexpr int partial_strips(int64_t parts) {
  return static_cast<int>(std::bit_ceil(static_cast<uint64_t>(std::clamp<int64_t>(parts / 8, 1, kPartialStrips))));
}

/// Products with the thin side of an adapter (its rank, up to 64 a block). 4 warps; a step is 64 of the summed index
/// where that lies along rows in memory (a whole 128-byte line of bf16), 32 rows where it does not.
constexpr int kThinWarps = 4, kThinSmall = 16, kThinLarge = 64;
constexpr int kThinRows = 64, kThinStep = 64, kThinColumns = 128, kThinRowStep = 32;
/// left [T, r] right [r, n]: bound by writing the result, so wide tiles that read the factors seldom, and steps of the
/// smallest usual rank.
constexpr int kLowRankTile = 128, kLowRankStep = 16, kLowRankWarpsM = 4, kLowRankWarpsN = 2;

/// Parts in which a sum over k is made where `tiles` blocks alone would leave SMs idle: four blocks on each of an
/// H100's 132 SMs, each with at least four steps, so that partial sums cost little beside what they sum.
struct SplitSum {
  int64_t each, count;
};
constexpr SplitSum split_sum(int64_t k, int64_t tiles, int64_t step) {
  const int64_t wanted = std::max<int64_t>(1, 528 / tiles);
  const int64_t each = std::max<int64_t>((k + wanted - 1) / wanted, 4 * step);
  const int64_t whole = (each + step - 1) / step * step;
  return {whole, (k + whole - 1) / whole};
}

/// Sums of columns: as many rows to a block as make its partial sum cheap.
constexpr int kColumnThreads = 128;
constexpr int64_t kColumnRows = 128;

/// Head and loss: logits that exist at a time, and rows beyond which a product gains nothing more. Multiples of 128
/// fill the tiles of a GEMM.
constexpr int64_t kLogitBytes = int64_t{512} << 20, kHeadRows = 1024, kHeadRowStep = 128;
constexpr int64_t head_rows(int64_t vocabulary) {
  const int64_t rows = kLogitBytes / (vocabulary * static_cast<int64_t>(sizeof(float)));
  return std::clamp(rows / kHeadRowStep * kHeadRowStep, kHeadRowStep, kHeadRows);
}
constexpr int kLossThreads = 512;

}  // namespace lorica::tile
