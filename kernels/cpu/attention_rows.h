#pragma once
#include "kernels/cpu/attention_blocks.h"

namespace lorica::cpu {

/// One sequence and one key/value head, as the forward block kernel sees it. Pointers are to the first token's values.
template <class T>
struct QuerySequence {
  const T* q;
  const T* k;
  const T* v;
  RowLayout layout;
  int64_t kv_stride;       // elements from a key to the next
  int64_t first_position;  // position of row 0 among the keys
  ScoreRule rule;
};

/// Rows that attend_rows() takes at most.
constexpr int64_t kTaskRows = kParts * kBlock;

/// A thread's buffers for attend_rows().
struct RowBuffers {
  float *packed, *keys, *values;  // [kBlock, padded d]
  float* scores;                  // [kBlock, kBlock], keys by rows
  float* alpha;                   // [kBlock]
  float* queries;                 // [kParts, d, kBlock]
  float* out;                     // [kTaskRows, padded d], not divided by the sums yet
  float *maxima, *sums;           // [kTaskRows]; maxima in units of log2(e)
  int32_t* positions;             // [kTaskRows]

  static RowBuffers carve(Carver&, int64_t d);
  /// The same for one block of rows, as its only one.
  RowBuffers part(int index, int64_t d) const;
};

/// Softmax-weighted sums of values over the keys [keys_begin, keys_end) for rows [first, first + n) of a sequence, in
/// buffers.out, maxima and sums. keys_begin is a multiple of kBlock. Rows that see no key have sum 0 and maximum -inf.
template <class T>
void attend_rows(const QuerySequence<T>&, int64_t first, int64_t n, int64_t keys_begin, int64_t keys_end,
                 const RowBuffers&);

/// log sum exp of a row from its maximum and sum.
float log_sum(float maximum, float sum);

}  // namespace lorica::cpu
