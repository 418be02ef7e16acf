#include "kernels/cuda/attention_decode.cuh"
#include "kernels/cuda/attention_rows.cuh"
#include "kernels/ops/attention.h"

namespace lorica {
namespace {

/// Up to this many new tokens a sequence, on average, each token reads its cache by itself, split among blocks; above
/// it tiles of queries share what they read. Both are right for any numbers.
constexpr int64_t kMostDecoded = 4;

template <class T>
void decode(CudaBackend& cuda, const AttentionCached& op, const device::CachedKeys& keys) {
  const int64_t tokens = op.q.shape[0], heads = op.q.shape[1], kv_heads = op.k_cache.shape[2], d = op.q.shape[2];
  const unsigned splits = tiles_of(keys.capacity, device::kDecodeKeys);
  const int64_t partials = tokens * heads * splits;
  float* scalars = cuda.scratch<float>(CudaBackend::kScratch0, 2 * partials);
  const device::DecodeProblem<T> p{.q = op.q.as<T>(),
                                   .k = op.k_cache.as<T>(),
                                   .v = op.v_cache.as<T>(),
                                   .o = op.o.as<T>(),
                                   .partial_out = cuda.scratch<float>(CudaBackend::kScratch1, partials * d),
                                   .partial_largest = scalars,
                                   .partial_sum = scalars + partials,
                                   .tokens = static_cast<int>(tokens),
                                   .heads = static_cast<int>(heads),
                                   .kv_heads = static_cast<int>(kv_heads),
                                   .d = static_cast<int>(d),
                                   .splits = static_cast<int>(splits),
                                   .rule = {op.scale, op.softcap},
                                   .keys = keys};
  const dim3 grid(splits, static_cast<unsigned>(kv_heads) * tiles_of(heads / kv_heads, device::kDecodeHeads),
                  static_cast<unsigned>(tokens));
  constexpr int kStep = device::Vector<T>::kWidth;
  launch_kernel(cuda, "attention_decode",
                d % kStep == 0 ? device::attention_decode_kernel<T, kStep> : device::attention_decode_kernel<T, 1>,
                {.grid = grid, .block = device::kDecodeKeys, .shared_bytes = sizeof(device::DecodeShared)}, p);
  launch_kernel(cuda, "attention_join", device::attention_join_kernel<T>,
                {.grid = {static_cast<unsigned>(heads), static_cast<unsigned>(tokens)}, .block = device::kDecodeKeys},
                p);
}

}  // namespace

void run(CudaBackend& cuda, const AttentionCached& op) {
  const int64_t sequences = op.k_cache.shape[0];
  const device::CachedKeys keys{.cu_q = op.cu_q.as<int32_t>(),
                                .kv_lens = op.kv_lens.as<int32_t>(),
                                .sequences = static_cast<int>(sequences),
                                .capacity = static_cast<int>(op.k_cache.shape[1]),
                                .window = op.window};
  visit_float(op.q.dtype, [&]<class T> {
    if (op.q.shape[0] <= kMostDecoded * sequences) return decode<T>(cuda, op, keys);
    const RowsProblem<T> p{.q = op.q.as<T>(),
                           .k = op.k_cache.as<T>(),
                           .v = op.v_cache.as<T>(),
                           .o = op.o.as<T>(),
                           .lse = nullptr,
                           .tokens = static_cast<int>(op.q.shape[0]),
                           .heads = static_cast<int>(op.q.shape[1]),
                           .kv_heads = static_cast<int>(op.k_cache.shape[2]),
                           .d = static_cast<int>(op.q.shape[2]),
                           .rule = {op.scale, op.softcap}};
    launch_attention_rows(cuda, "attention_cached", p, keys);
  });
}

}  // namespace lorica
