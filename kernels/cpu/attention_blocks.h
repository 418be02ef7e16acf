#pragma once
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "kernels/context.h"
#include "kernels/cpu/simd_math.h"

// Pieces shared by the attention ops: products of small blocks, packing, and the hand-out of tasks.
namespace lorica::cpu {

/// Rows and keys of a block of scores; also the row pitch of such a block.
constexpr int kBlock = 64;
/// Blocks of rows (forward) or of keys (backward) that one task works off together, so that what they share is packed
/// once. More would save more, but leave too few tasks.
constexpr int kParts = 2;
/// A block of scores on the causal diagonal is worked off in strips of this many rows (or keys).
constexpr int kStrip = 16;
constexpr float kLog2e = 1.44269504f, kLn2 = 0.69314718f;

inline int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }
inline int64_t ceil_div(int64_t n, int64_t unit) { return (n + unit - 1) / unit; }

enum class Accumulate : bool { kNo, kYes };

/// C [m, n] (+)= A B with A [m, k] row by row, B [k, n]. n is a multiple of 16, ld* are row pitches. Sums run over k in
/// order, and are then added to C.
void block_gemm_nn(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float* c,
                   int64_t ldc, Accumulate);
/// The same with A stored transposed, [k, m].
void block_gemm_tn(int64_t m, int64_t n, int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float* c,
                   int64_t ldc, Accumulate);

/// dst [n, ldd] = factor * src [n, d], columns d up to ldd zero.
template <class T>
void pack_rows(float* dst, int64_t ldd, const T* src, int64_t src_stride, int64_t n, int64_t d, float factor);
/// dst [d] = factor * src
template <class T>
void unpack_row(T* dst, const float* src, int64_t d, float factor);
/// dst [d, kBlock] = transpose of src [n, lds]; n <= kBlock columns, the rest zero. d <= lds, which is a multiple
/// of 16.
void transpose_block(float* dst, const float* src, int64_t lds, int64_t n, int64_t d);

/// The rows that attend to one key/value head: token t and head g of the group make row t * group + g, so that one
/// block of 64 rows serves all heads of the group with one pass over keys and values.
struct RowLayout {
  int64_t token_stride = 0;  // elements from a token to the next: H * d
  int64_t d = 0;
  int group = 1;
  int64_t offset_of(int64_t row) const { return row / group * token_stride + row % group * d; }
};

/// dst [n, ldd] = factor * rows [first, first + n) of a tensor of queries, whose first token and head src points to.
template <class T>
void pack_query_rows(float* dst, int64_t ldd, const T* src, const RowLayout& layout, int64_t first, int64_t n,
                     float factor);

/// The dtype-independent numbers of an attention: how scores are made and who sees whom.
struct ScoreRule {
  float scale = 1;
  int64_t window = 0;  // 0: none
  float softcap = 0;   // 0: none

  /// Queries are packed times this; scores in units of log2(e) are then the product, or post_cap() tanh(product).
  float query_factor() const { return softcap > 0 ? scale / softcap : scale * kLog2e; }
  float post_cap() const { return softcap * kLog2e; }
  /// What a product with packed queries must be multiplied by to be one with scale * q.
  float undo_query_factor() const { return softcap > 0 ? softcap : kLn2; }
  /// First key that position t sees.
  int64_t first_key(int64_t t) const { return window > 0 ? std::max<int64_t>(0, t - window + 1) : 0; }
};

/// Checks the values of cu_seqlens, which only the device that runs the op can read; throws Error naming op and
/// argument.
void expect_cu_seqlens(const char* op, const char* argument, const int32_t* cu, int64_t sequences, int64_t tokens);

/// Calls fn(task, thread) for every task in [0, n), on all cores. Tasks are claimed one by one in ascending order: when
/// a task runs, all earlier ones have been claimed by a thread that runs them.
template <class Fn>
void claim_in_order(int64_t n, Fn&& fn) {
  std::atomic<int64_t> next{0};
#pragma omp parallel
  {
    const int thread = omp_get_thread_num();
    for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < n;) fn(task, thread);
  }
}

/// Hands out 64-byte aligned arrays from one piece of memory; with no memory it only counts.
class Carver {
 public:
  explicit Carver(void* memory = nullptr) : base_(static_cast<unsigned char*>(memory)) {}
  template <class T>
  T* take(int64_t n) {
    T* p = base_ ? reinterpret_cast<T*>(base_ + used_) : nullptr;
    used_ += static_cast<size_t>(round_up(n * static_cast<int64_t>(sizeof(T)), 64));
    return p;
  }
  size_t used() const { return used_; }

 private:
  unsigned char* base_;
  size_t used_ = 0;
};

/// One 64-byte aligned piece of a scratch slot for each thread.
class ThreadSlices {
 public:
  ThreadSlices(CpuBackend& backend, CpuBackend::Slot slot, size_t bytes)
      : bytes_(bytes),
        memory_(
            static_cast<unsigned char*>(backend.scratch(slot, bytes * static_cast<size_t>(omp_get_max_threads())))) {}
  void* of(int thread) const { return memory_ + bytes_ * static_cast<size_t>(thread); }

 private:
  size_t bytes_;
  unsigned char* memory_;
};

}  // namespace lorica::cpu
