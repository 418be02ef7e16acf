#pragma once
#include <array>

#include "kernels/cpu/attention_blocks.h"
#include "kernels/tensor_view.h"

// The backward pass on one block of keys against one block of rows. Keys lie along the vector lanes, so that a key
// block's transposes are made once and serve all its row blocks.
namespace lorica::cpu {

/// A thread's buffers for backward_pair(), for one of the blocks of keys that it works off together.
struct KeyBuffers {
  // shared by the blocks of keys
  float* packed;                   // [kBlock, padded d]
  float *queries, *douts;          // [kBlock, padded d]; queries times the query factor
  float *probabilities, *dscores;  // [kBlock, kBlock]
  float* dq;                       // [kBlock, padded d], these blocks' part
  float *lse, *d_sums;             // [kBlock]; lse in units of log2(e)
  int32_t* positions;              // [kBlock]
  // its own
  float *keys_transposed, *values_transposed;  // [d, kBlock]
  float* keys;                                 // [kBlock, padded d], times scale
  float *dk, *dv;                              // [kBlock, padded d]; dk lacks undo_query_factor()

  static std::array<KeyBuffers, kParts> carve(Carver&, int64_t d);
};

struct Wanted {
  bool dq, dk, dv;
};

struct PairBlock {
  int64_t rows, keys, first_key;
  bool masked;  // some row does not see some key
  bool first;   // dk and dv start here
  bool adds_to_dq;
};

/// Packs a block of keys and values, whose first rows k and v point to.
template <class T>
void load_keys(const KeyBuffers&, const T* k, const T* v, int64_t stride, int64_t n, int64_t d, const ScoreRule&,
               Wanted);

/// Adds the pair's parts to dk and dv and leaves that of dq in b.dq, from packed queries, douts, lse, d_sums,
/// positions.
void backward_pair(const KeyBuffers&, const PairBlock&, int64_t d, const ScoreRule&, Wanted);

/// a . b in a fixed order
template <class T>
float dot_row(const T* a, const T* b, int64_t d);
/// sum += part
void add_row(float* sum, const float* part, int64_t d);
/// dst = or += factor * src, by mode
template <class T>
void write_grad_row(T* dst, const float* src, int64_t d, float factor, GradMode mode);

}  // namespace lorica::cpu
