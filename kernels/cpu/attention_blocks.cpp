#include "kernels/cpu/attention_blocks.h"

#include <array>
#include <utility>

#include "kernels/cpu/attention_simd.h"

namespace lorica::cpu {
namespace {

constexpr int kTileRows = 6;

struct Operands {
  int64_t k;
  const float* a;
  int64_t lda;
  const float* b;
  int64_t ldb;
  float* c;
  int64_t ldc;
  bool add;
};

/// One tile of C in registers: kRows x (kVectors * kLanes).
template <int kRows, int kVectors, bool kTransposedA>
void tile(const Operands& op) {
  Vec acc[kRows][kVectors] = {};
  const float* a = op.a;
  const float* b = op.b;
  const int64_t row_step = kTransposedA ? 1 : op.lda, k_step = kTransposedA ? op.lda : 1;
  for (int64_t k = 0; k < op.k; ++k, a += k_step, b += op.ldb) {
    Vec bv[kVectors];
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) bv[j] = load_vec(b + j * kLanes);
#pragma GCC unroll 6
    for (int i = 0; i < kRows; ++i) {
      const Vec av = splat(a[i * row_step]);
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) acc[i][j] += av * bv[j];
    }
  }
  if (op.add) {
#pragma GCC unroll 6
    for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) acc[i][j] += load_vec(op.c + i * op.ldc + j * kLanes);
  }
  float* c = op.c;
  const int64_t ldc = op.ldc;
#pragma GCC unroll 6
  for (int i = 0; i < kRows; ++i)
#pragma GCC unroll 4
    for (int j = 0; j < kVectors; ++j) store_vec(c + i * ldc + j * kLanes, acc[i][j]);
}

using Tile = void (*)(const Operands&);

template <bool kTransposedA, int... kIndex>
constexpr auto tile_table(std::integer_sequence<int, kIndex...>) {
  return std::array<Tile, sizeof...(kIndex)>{
      tile<kIndex / kTileVectors + 1, kIndex % kTileVectors + 1, kTransposedA>...};
}

template <bool kTransposedA>
void block_gemm(int64_t m, int64_t n, Operands op) {
  static constexpr auto kTiles = tile_table<kTransposedA>(std::make_integer_sequence<int, kTileRows * kTileVectors>());
  const Operands whole = op;
  for (int64_t j = 0; j < n; j += kTileVectors * kLanes) {
    const int64_t vectors = std::min<int64_t>(kTileVectors, (n - j) / kLanes);
    op.b = whole.b + j;
    for (int64_t i = 0; i < m; i += kTileRows) {
      const int64_t rows = std::min<int64_t>(kTileRows, m - i);
      op.a = whole.a + (kTransposedA ? i : i * whole.lda);
      op.c = whole.c + i * whole.ldc + j;
      kTiles[static_cast<size_t>((rows - 1) * kTileVectors + vectors - 1)](op);
    }
  }
}

}  // namespace

void block_gemm_nn(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float* c,
                   int64_t ldc, Accumulate accumulate) {
  block_gemm<false>(m, n, {k, a, lda, b, ldb, c, ldc, accumulate == Accumulate::kYes});
}

void block_gemm_tn(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float* c,
                   int64_t ldc, Accumulate accumulate) {
  block_gemm<true>(m, n, {k, a, lda, b, ldb, c, ldc, accumulate == Accumulate::kYes});
}

namespace {

/// Rows ahead of the one being packed that are fetched into the cache: heads of one token lie side by side, so the rows
/// of one head are too far apart for the processor's own prefetcher.
constexpr int64_t kRowsAhead = 16;

template <class T>
inline void pack_row(float* dst, int64_t ldd, const T* src, const T* ahead, int64_t d, float factor) {
  const int64_t whole = d / kLanes * kLanes;
  constexpr int64_t kLine = 64 / sizeof(T);
  for (int64_t c = 0; c < d; c += kLine) __builtin_prefetch(ahead + c);
  for (int64_t c = 0; c < whole; c += kLanes) store_vec(dst + c, load_vec(src + c) * factor);
  for (int64_t c = whole; c < d; ++c) dst[c] = load(src + c) * factor;
  for (int64_t c = d; c < ldd; ++c) dst[c] = 0;
}

}  // namespace

template <class T>
void pack_rows(float* dst, int64_t ldd, const T* src, int64_t src_stride, int64_t n, int64_t d, float factor) {
  for (int64_t i = 0; i < n; ++i, dst += ldd, src += src_stride)
    pack_row(dst, ldd, src, src + kRowsAhead * src_stride, d, factor);
}
template void pack_rows(float*, int64_t, const float*, int64_t, int64_t, int64_t, float);
template void pack_rows(float*, int64_t, const bf16*, int64_t, int64_t, int64_t, float);

template <class T>
void pack_query_rows(float* dst, int64_t ldd, const T* src, const RowLayout& layout, int64_t first, int64_t n,
                     float factor) {
  const int64_t tokens_ahead = kRowsAhead / layout.group + 1;
  int64_t head = first % layout.group;
  src += layout.offset_of(first);
  for (int64_t i = 0; i < n; ++i, dst += ldd) {
    pack_row(dst, ldd, src, src + tokens_ahead * layout.token_stride, layout.d, factor);
    src += layout.d;
    if (++head == layout.group) head = 0, src += layout.token_stride - layout.group * layout.d;
  }
}
template void pack_query_rows(float*, int64_t, const float*, const RowLayout&, int64_t, int64_t, float);
template void pack_query_rows(float*, int64_t, const bf16*, const RowLayout&, int64_t, int64_t, float);

template <class T>
void unpack_row(T* dst, const float* src, int64_t d, float factor) {
  int64_t c = 0;
  for (; c + kLanes <= d; c += kLanes) store_vec(dst + c, load_vec(src + c) * factor);
  for (; c < d; ++c) store(dst + c, src[c] * factor);
}
template void unpack_row(float*, const float*, int64_t, float);
template void unpack_row(bf16*, const float*, int64_t, float);

void transpose_block(float* dst, const float* src, int64_t lds, int64_t n, int64_t d) {
  using Vec4 = float __attribute__((vector_size(16)));
  using Vec4Anywhere = float __attribute__((vector_size(16), aligned(4), may_alias));
  auto load4 = [](const float* p) -> Vec4 { return *reinterpret_cast<const Vec4Anywhere*>(p); };
  auto store4 = [](float* p, Vec4 v) { *reinterpret_cast<Vec4Anywhere*>(p) = v; };
  const int64_t whole_n = n / 4 * 4, whole_d = d / 4 * 4;
  for (int64_t i = 0; i < whole_n; i += 4)
    for (int64_t c = 0; c < whole_d; c += 4) {
      const float* p = src + i * lds + c;
      const Vec4 a = load4(p), b = load4(p + lds), e = load4(p + 2 * lds), f = load4(p + 3 * lds);
      const Vec4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5),
                 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
      const Vec4 ef_low = __builtin_shufflevector(e, f, 0, 4, 1, 5),
                 ef_high = __builtin_shufflevector(e, f, 2, 6, 3, 7);
      float* q = dst + c * kBlock + i;
      store4(q, __builtin_shufflevector(ab_low, ef_low, 0, 1, 4, 5));
      store4(q + kBlock, __builtin_shufflevector(ab_low, ef_low, 2, 3, 6, 7));
      store4(q + 2 * kBlock, __builtin_shufflevector(ab_high, ef_high, 0, 1, 4, 5));
      store4(q + 3 * kBlock, __builtin_shufflevector(ab_high, ef_high, 2, 3, 6, 7));
    }
  for (int64_t c = 0; c < d; ++c) {
    for (int64_t i = c < whole_d ? whole_n : 0; i < n; ++i) dst[c * kBlock + i] = src[i * lds + c];
    for (int64_t i = n; i < kBlock; ++i) dst[c * kBlock + i] = 0;
  }
}

void expect_cu_seqlens(const char* op, const char* argument, const int32_t* cu, int64_t sequences, int64_t tokens) {
  if (cu[0] != 0) throw Error("{}: {}: expected 0 at index 0, got {}", op, argument, cu[0]);
  for (int64_t i = 0; i < sequences; ++i)
    if (cu[i + 1] < cu[i])
      throw Error("{}: {}: expected rising values, got {} after {} at index {}", op, argument, cu[i + 1], cu[i], i + 1);
  if (cu[sequences] != tokens)
    throw Error("{}: {}: expected {} tokens at index {}, got {}", op, argument, tokens, sequences, cu[sequences]);
}

}  // namespace lorica::cpu
