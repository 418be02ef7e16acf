#include "kernels/cuda/attention_grads.cuh"
#include "kernels/cuda/attention_library.h"
#include "kernels/cuda/device/shared.cuh"
#include "kernels/cuda/launch.h"
#include "kernels/ops/attention.h"

// Two kernels, each of which owns the rows that it writes, so that every sum has one owner and one order: one makes dk
// and dv (scores and dP transposed, dv, dk: four products of a pair of tiles), the other dq (scores, dP, dq: three).
// The alternative of five products in one kernel adds to dq, in f32 in global memory, once for each tile of keys: for
// 64 keys 8 d bytes a query read and written against the 256 d flops of the two products that it saves. Memory that
// delivers 5.5 TB/s (the second-level cache of an H100) then keeps up with 180 TFLOP/s only, which mma.sync exceeds,
// before the blocks have waited for their turn to add in order.
namespace lorica {
namespace {

using namespace device;

/// D_t = do_t . o_t, a warp a row.
template <class T>
__global__ void __launch_bounds__(128) attention_row_sums_kernel(const GradProblem<T> p, const T* o, float* sums) {
  const int64_t i = int64_t{blockIdx.x} * (blockDim.x / kWarp) + threadIdx.x / kWarp;
  if (i >= int64_t{p.tokens} * p.heads) return;
  float sum = 0;
  for (int c = threadIdx.x % kWarp; c < p.d; c += kWarp)
    sum += to_float(p.dout[i * p.d + c]) * to_float(o[i * p.d + c]);
  sum = warp_sum(sum);
  if (threadIdx.x % kWarp == 0) sums[i % p.heads * p.tokens + i / p.heads] = sum;
}

template <class T>
void make_dq(CudaBackend& cuda, const GradProblem<T>& p) {
  const auto heads = static_cast<unsigned>(p.heads);
  if constexpr (std::is_same_v<T, bf16>) {
    if (takes_mma(Dtype::bf16, p.d))
      return visit_width(p.d, [&]<int kWidth> {
        launch_kernel(cuda, "attention_dq", attention_dq_kernel<kWidth>,
                      {.grid = {tiles_of(p.tokens, backward_query_tile(kWidth).rows()), heads},
                       .block = kAttentionThreads,
                       .shared_bytes = sizeof(QueryGradShared<kWidth>)},
                      p);
      });
  }
  launch_kernel(cuda, "attention_dq", attention_grad_plain_kernel<T, false>,
                {.grid = {tiles_of(p.tokens, kPlainTile), heads, tiles_of(p.d, kPlainWidth)},
                 .block = kPlainThreads,
                 .shared_bytes = sizeof(PlainShared)},
                p);
}

template <class T>
void make_dk_dv(CudaBackend& cuda, const GradProblem<T>& p) {
  const auto heads = static_cast<unsigned>(p.kv_heads);
  if constexpr (std::is_same_v<T, bf16>) {
    if (takes_mma(Dtype::bf16, p.d))
      return visit_width(p.d, [&]<int kWidth> {
        auto launch_one = [&]<bool kDk, bool kDv> {
          launch_kernel(cuda, "attention_dk_dv", attention_dk_dv_kernel<kWidth, kDk, kDv>,
                        {.grid = {tiles_of(p.tokens, backward_key_tile(kWidth).rows()), heads},
                         .block = kAttentionThreads,
                         .shared_bytes = sizeof(KeyGradShared<kWidth>)},
                        p);
        };
        if constexpr (kWidth <= 128) {
          launch_one.template operator()<true, true>();
        } else {
          if (p.dk) launch_one.template operator()<true, false>();
          if (p.dv) launch_one.template operator()<false, true>();
        }
      });
  }
  launch_kernel(cuda, "attention_dk_dv", attention_grad_plain_kernel<T, true>,
                {.grid = {tiles_of(p.tokens, kPlainTile), heads, tiles_of(p.d, kPlainWidth)},
                 .block = kPlainThreads,
                 .shared_bytes = sizeof(PlainShared)},
                p);
}

}  // namespace

void run(CudaBackend& cuda, const AttentionBwd& op) {
  if (!op.dq && !op.dk && !op.dv) return;
  if (AttentionLibrary* library = cuda.attention_library(); library && library->run(cuda, op)) return;
  visit_float(op.q.dtype, [&]<class T> {
    auto grad = [](const GradOut& out) { return out ? out.tensor.as<T>() : nullptr; };
    const int64_t rows = op.q.shape[0] * op.q.shape[1];
    float* sums = cuda.scratch<float>(CudaBackend::kScratch0, rows);
    const GradProblem<T> p{.dout = op.do_.as<T>(),
                           .q = op.q.as<T>(),
                           .k = op.k.as<T>(),
                           .v = op.v.as<T>(),
                           .lse = op.lse.as<float>(),
                           .d_sums = sums,
                           .dq = grad(op.dq),
                           .dk = grad(op.dk),
                           .dv = grad(op.dv),
                           .adds_dq = op.dq.mode == GradMode::kAdd,
                           .adds_dk = op.dk.mode == GradMode::kAdd,
                           .adds_dv = op.dv.mode == GradMode::kAdd,
                           .tokens = static_cast<int>(op.q.shape[0]),
                           .heads = static_cast<int>(op.q.shape[1]),
                           .kv_heads = static_cast<int>(op.k.shape[1]),
                           .d = static_cast<int>(op.q.shape[2]),
                           .rule = {op.scale, op.softcap},
                           .keys = {.cu_seqlens = op.cu_seqlens.as<int32_t>(),
                                    .documents = static_cast<int>(op.cu_seqlens.shape[0] - 1),
                                    .window = op.window}};
    launch_kernel(cuda, "attention_row_sums", attention_row_sums_kernel<T>, {.grid = tiles_of(rows, 4), .block = 128},
                  p, op.o.as<T>(), sums);
    if (op.dk || op.dv) make_dk_dv(cuda, p);
    if (op.dq) make_dq(cuda, p);
  });
}

}  // namespace lorica
