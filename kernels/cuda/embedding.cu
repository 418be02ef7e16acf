#include "kernels/ops/embedding.h"

#include "kernels/cuda/device/fault.cuh"
#include "kernels/cuda/device/pieces.cuh"
#include "kernels/cuda/device/reduce.cuh"
#include "kernels/cuda/device/shared.cuh"
#include "kernels/cuda/shapes.h"

namespace lorica {
namespace {

using namespace device;

template <int kN, class W, class T>
__global__ void embedding_fwd_kernel(const W* table, const int32_t* ids, T* y, float scale, int64_t vocabulary,
                                     int64_t rows, int64_t d, int items, int rows_per_block, DeviceFault* fault) {
  for_row_items(rows, items, rows_per_block, [&](int64_t t, int item) {
    const int32_t id = ids[t];
    if (id < 0 || id >= vocabulary) {
      if (item == 0) record_fault(fault, FaultPlace::kEmbeddingFwd, t, id, vocabulary);
      return;
    }
    const int64_t column = int64_t{item} * kN;
    Floats<kN> v = load_floats<kN>(table + id * d + column, kN, true);
#pragma unroll
    for (int j = 0; j < kN; ++j) v.value[j] *= scale;
    store_floats(y + t * d + column, v, kN, true);
  });
}

template <int kN, class W, class T>
void embedding_fwd(CudaBackend& cuda, const EmbeddingFwd& op) {
  const int64_t d = op.y.shape[1];
  const RowItems work(op.y.shape[0], d / kN);
  launch_kernel(cuda, "embedding_fwd", embedding_fwd_kernel<kN, W, T>, work.shape(), op.table.as<W>(),
                op.ids.as<int32_t>(), op.y.as<T>(), op.scale, op.table.shape[0], work.rows, d, work.items,
                work.rows_per_block, cuda.fault());
}

struct BwdShared {
  int counts[tile::kEmbeddingThreads / kWarp];  ///< how many of each warp's tokens have the id
  int matches[tile::kEmbeddingThreads];         ///< these tokens, in order
};

/// The tokens of [begin, begin + blockDim.x) with this id, in order, in shared.matches; returns their number.
__device__ __forceinline__ int find_matches(const int32_t* ids, int64_t begin, int64_t end, int32_t id,
                                            BwdShared& shared) {
  const int warp = static_cast<int>(threadIdx.x) / kWarp, lane = static_cast<int>(threadIdx.x) % kWarp;
  const int warps = static_cast<int>(blockDim.x) / kWarp;
  const int64_t t = begin + threadIdx.x;
  const bool mine = t < end && ids[t] == id;
  const unsigned of_warp = __ballot_sync(kAllLanes, mine);
  if (lane == 0) shared.counts[warp] = __popc(of_warp);
  __syncthreads();
  int before = 0, total = 0;
  for (int w = 0; w < warps; ++w) {
    if (w < warp) before += shared.counts[w];
    total += shared.counts[w];
  }
  if (mine) shared.matches[before + __popc(of_warp & ((1u << lane) - 1u))] = static_cast<int>(t - begin);
  __syncthreads();
  return total;
}

/// Block (t, c) adds up the rows of token t's id in columns c, if t is the first token with that id: so each sum has
/// one block, which adds in the order of the tokens.
template <class T>
__global__ void embedding_bwd_kernel(const T* dy, const int32_t* ids, float* dtable, float scale, int64_t vocabulary,
                                     int64_t tokens, int64_t d, bool adding, DeviceFault* fault) {
  BwdShared& shared = shared_storage<BwdShared>();
  const int64_t first = blockIdx.x;
  const int32_t id = ids[first];
  if (id < 0 || id >= vocabulary) {
    if (threadIdx.x == 0 && blockIdx.y == 0) record_fault(fault, FaultPlace::kEmbeddingBwd, first, id, vocabulary);
    return;
  }
  bool seen = false;
  for (int64_t t = threadIdx.x; t < first; t += blockDim.x) seen = seen || ids[t] == id;
  if (__syncthreads_or(seen)) return;

  const int64_t column = int64_t{blockIdx.y} * blockDim.x + threadIdx.x;
  float sum = adding && column < d ? dtable[id * d + column] : 0.0f;
  for (int64_t begin = first; begin < tokens; begin += blockDim.x) {
    const int matches = find_matches(ids, begin, tokens, id, shared);
    if (column >= d) continue;
#pragma unroll 4
    for (int m = 0; m < matches; ++m) sum += to_float(dy[(begin + shared.matches[m]) * d + column]) * scale;
  }
  if (column < d) dtable[id * d + column] = sum;
}

}  // namespace

void run(CudaBackend& cuda, const EmbeddingFwd& op) {
  visit_float(op.table.dtype, [&]<class W> {
    visit_float(op.y.dtype, [&]<class T> {
      constexpr int kN = 16 / std::max(sizeof(W), sizeof(T));
      if (op.y.shape[1] % kN == 0 && aligned<kN>(op.table.as<W>(), op.y.as<T>()))
        embedding_fwd<kN, W, T>(cuda, op);
      else
        embedding_fwd<1, W, T>(cuda, op);
    });
  });
}

void run(CudaBackend& cuda, const EmbeddingBwd& op) {
  if (!op.dtable) return;
  const int64_t tokens = op.dy.shape[0], d = op.dy.shape[1];
  float* const dtable = op.dtable.tensor.as<float>();
  clear_if_written(cuda, op.dtable);
  constexpr int64_t kThreads = tile::kEmbeddingThreads;
  const LaunchShape shape{
      .grid = dim3(static_cast<unsigned>(tokens), static_cast<unsigned>((d + kThreads - 1) / kThreads)),
      .block = tile::kEmbeddingThreads,
      .shared_bytes = sizeof(BwdShared)};
  visit_float(op.dy.dtype, [&]<class T> {
    launch_kernel(cuda, "embedding_bwd", embedding_bwd_kernel<T>, shape, op.dy.as<T>(), op.ids.as<int32_t>(), dtable,
                  op.scale, op.dtable.tensor.shape[0], tokens, d, op.dtable.mode == GradMode::kAdd, cuda.fault());
  });
}

}  // namespace lorica
