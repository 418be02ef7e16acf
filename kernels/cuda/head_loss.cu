#include "kernels/ops/head_loss.h"

#include "kernels/cuda/device/fault.cuh"
#include "kernels/cuda/device/pieces.cuh"
#include "kernels/cuda/device/reduce.cuh"
#include "kernels/cuda/device/shared.cuh"
#include "kernels/cuda/gemm.h"
#include "kernels/cuda/shapes.h"

namespace lorica {
namespace {

using namespace device;

constexpr int32_t kPadding = -1;

/// h[i] = hidden[rows[i]], zeros for padding; rows that are not strictly rising indices are recorded. `rows` are those
/// of the chunk, which begins at label `first` of all.
template <int kN, class T>
__global__ void gather_labelled_kernel(const T* hidden, const int32_t* rows, T* h, int64_t tokens, int64_t width,
                                       int64_t count, int items, int rows_per_block, int64_t first,
                                       DeviceFault* fault) {
  for_row_items(count, items, rows_per_block, [&](int64_t i, int item) {
    const int32_t row = rows[i];
    const bool given = row >= 0 && row < tokens;
    if (item == 0 && first + i > 0) {
      const int32_t before = rows[i - 1];
      if (row != kPadding && before == kPadding)
        record_fault(fault, FaultPlace::kHeadLossRows, first + i - 1, before, tokens);
      if (row != kPadding && row <= before) record_fault(fault, FaultPlace::kHeadLossOrder, first + i, row, before);
    }
    if (item == 0 && !given && row != kPadding) record_fault(fault, FaultPlace::kHeadLossRows, first + i, row, tokens);
    const int64_t column = int64_t{item} * kN;
    store_vector(h + i * width + column, given ? load_vector<kN>(hidden + row * width + column) : Vector<T, kN>{});
  });
}

/// dhidden[rows[i]] (=, +=) dh[i]; padding goes nowhere.
template <int kN, class T>
__global__ void scatter_labelled_kernel(const float* dh, const int32_t* rows, Grad<T> dhidden, int64_t tokens,
                                        int64_t width, int64_t count, int items, int rows_per_block) {
  for_row_items(count, items, rows_per_block, [&](int64_t i, int item) {
    const int32_t row = rows[i];
    if (row < 0 || row >= tokens) return;
    const int64_t column = int64_t{item} * kN;
    put_floats(dhidden, row * width + column, load_floats<kN>(dh + i * width + column, kN, true), kN, true);
  });
}

/// The running maximum of logits and the sum of exp(z - largest).
struct SoftmaxSum {
  float largest = -INFINITY, sum = 0;
  template <int kN>
  __device__ __forceinline__ void add(const Floats<kN>& z) {
    float most = z.value[0];
#pragma unroll
    for (int j = 1; j < kN; ++j) most = fmaxf(most, z.value[j]);
    if (most > largest) {
      sum *= __expf(largest - most);
      largest = most;
    }
#pragma unroll
    for (int j = 0; j < kN; ++j) sum += __expf(z.value[j] - largest);
  }
};

struct LossStorage {
  float largest[kWarp], sum[kWarp];
};

struct LossArguments {
  float* logits;  ///< [rows, V]
  int64_t vocabulary;
  const int32_t *rows, *targets;
  float* losses;
  const float* loss_scale;  ///< null: 1
  float softcap;
  bool gradients;
  int64_t first;   ///< number of the chunk's first label
  int64_t tokens;  ///< rows of hidden
  DeviceFault* fault;
};

template <int kN>
__device__ __forceinline__ Floats<kN> capped(Floats<kN> z, float softcap) {
  if (softcap > 0)
#pragma unroll
    for (int j = 0; j < kN; ++j) z.value[j] = softcap * tanhf(z.value[j] / softcap);
  return z;
}

/// A block a row: its loss, and dz, as Dz, over the beginning of the row's logits. A bf16 at i lies over the f32 at
/// i / 2, which was read a step before or is read in this one, before the barrier.
template <class Dz, int kN>
__global__ void __launch_bounds__(tile::kLossThreads) loss_kernel(LossArguments op) {
  auto& storage = shared_storage<LossStorage>();
  const int64_t vocabulary = op.vocabulary, label = blockIdx.x;
  float* const z = op.logits + label * vocabulary;
  Dz* const dz = reinterpret_cast<Dz*>(z);
  const int32_t target = op.targets[label];
  const bool given = target >= 0 && target < vocabulary && op.rows[label] != kPadding;
  if (!given && threadIdx.x == 0) {
    op.losses[label] = 0;
    if (op.rows[label] != kPadding)
      record_fault(op.fault, FaultPlace::kHeadLossTargets, op.first + label, target, vocabulary);
    else if (target != kPadding)
      record_fault(op.fault, FaultPlace::kHeadLossRows, op.first + label, kPadding, op.tokens);
  }
  const int64_t mine = int64_t{threadIdx.x} * kN, step = int64_t{tile::kLossThreads} * kN;
  float largest = 0, sum = 1;
  if (given) {
    const float target_logit = capped(Floats<1>{{z[target]}}, op.softcap).value[0];
    SoftmaxSum own;
    for (int64_t at = mine; at < vocabulary; at += step) own.add(capped(load_floats<kN>(z + at, kN, true), op.softcap));
    largest = block_max(own.largest, storage.largest);
    sum = block_sum(own.sum * __expf(own.largest - largest), storage.sum);
    if (threadIdx.x == 0) op.losses[label] = logf(sum) + (largest - target_logit);
  }
  if (!op.gradients) return;
  const float loss_scale = given ? op.loss_scale ? *op.loss_scale : 1.0f : 0.0f;
  const float factor = loss_scale / sum;
  for (int64_t first = 0; first < vocabulary; first += step) {
    const int64_t at = first + mine;
    const bool inside = at < vocabulary;
    Floats<kN> d{};
    if (inside && given) {
      const Floats<kN> logit = capped(load_floats<kN>(z + at, kN, true), op.softcap);
#pragma unroll
      for (int j = 0; j < kN; ++j) {
        d.value[j] = __expf(logit.value[j] - largest) * factor - (at + j == target ? loss_scale : 0.0f);
        const float ratio = op.softcap > 0 ? logit.value[j] / op.softcap : 0.0f;
        d.value[j] *= 1.0f - ratio * ratio;
      }
    }
    if constexpr (sizeof(Dz) < sizeof(float)) __syncthreads();
    if (inside) store_floats(dz + at, d, kN, true);
  }
}

/// The launch of the row kernels over labelled rows.
template <class T>
struct HeadRows {
  const HeadLoss& op;
  int64_t tokens, width, vocabulary;
  bool vectors;  ///< rows of hidden and dhidden can be moved in 16-byte pieces

  explicit HeadRows(const HeadLoss& head)
      : op(head),
        tokens(head.hidden.shape[0]),
        width(head.hidden.shape[1]),
        vocabulary(head.weight.out_features()),
        vectors(width % Vector<T>::kWidth == 0 &&
                aligned<Vector<T>::kWidth>(head.hidden.as<T>(), static_cast<const T*>(head.dhidden.tensor.data))) {}
  template <class Fn>
  void visit_width(Fn&& fn) const {
    if (vectors)
      fn.template operator()<Vector<T>::kWidth>();
    else
      fn.template operator()<1>();
  }
};

/// The labelled rows of the chunk, [count, D] in scratch.
template <class T>
In gather_labelled(CudaBackend& cuda, const HeadRows<T>& head, int64_t first, int64_t count) {
  T* const h = cuda.scratch<T>(CudaBackend::kScratch1, count * head.width);
  head.visit_width([&]<int kN> {
    const RowItems work(count, head.width / kN);
    launch_kernel(cuda, "gather_labelled", gather_labelled_kernel<kN, T>, work.shape(), head.op.hidden.template as<T>(),
                  head.op.rows.template as<int32_t>() + first, h, head.tokens, head.width, work.rows, work.items,
                  work.rows_per_block, first, cuda.fault());
  });
  return {h, {count, head.width}, dtype_of<T>()};
}

template <class T>
void losses_of_chunk(CudaBackend& cuda, const HeadLoss& op, float* logits, int64_t first, int64_t count) {
  const LossArguments arguments{.logits = logits,
                                .vocabulary = op.weight.out_features(),
                                .rows = op.rows.as<int32_t>() + first,
                                .targets = op.targets.as<int32_t>() + first,
                                .losses = op.losses.as<float>() + first,
                                .loss_scale = op.loss_scale ? op.loss_scale.as<float>() : nullptr,
                                .softcap = op.softcap,
                                .gradients = op.dhidden || op.dw,
                                .first = first,
                                .tokens = op.hidden.shape[0],
                                .fault = cuda.fault()};
  const LaunchShape shape{
      .grid = static_cast<unsigned>(count), .block = tile::kLossThreads, .shared_bytes = sizeof(LossStorage)};
  launch_kernel(cuda, "head_loss", arguments.vocabulary % 4 == 0 ? loss_kernel<T, 4> : loss_kernel<T, 1>, shape,
                arguments);
}

template <class T>
void hidden_gradient(CudaBackend& cuda, const HeadRows<T>& head, const CudaMatrix& dz, int64_t first, int64_t count) {
  const HeadLoss& op = head.op;
  float* const dh = cuda.scratch<float>(CudaBackend::kScratch2, count * head.width);
  gemm(cuda, {.a = dz,
              .b = matrix(op.weight_bwd.w, op.weight_bwd.layout == WeightLayout::kInOut),
              .d = dh,
              .d_stride = head.width,
              .m = count,
              .n = head.width,
              .k = head.vocabulary});
  const Grad<T> dhidden{op.dhidden.tensor.as<T>(), op.dhidden.mode};
  head.visit_width([&]<int kN> {
    const RowItems work(count, head.width / kN);
    launch_kernel(cuda, "scatter_labelled", scatter_labelled_kernel<kN, T>, work.shape(), dh,
                  op.rows.as<int32_t>() + first, dhidden, head.tokens, head.width, work.rows, work.items,
                  work.rows_per_block);
  });
}

/// dw (=, +=) dz^T h, or its transpose.
void weight_gradient(CudaBackend& cuda, const HeadLoss& op, CudaMatrix dz, CudaMatrix h, int64_t count, bool add) {
  const bool out_in = op.weight.layout == WeightLayout::kOutIn;
  const Out& dw = op.dw.tensor;
  (out_in ? dz : h).transposed = true;
  gemm(cuda, {.a = out_in ? dz : h,
              .b = out_in ? h : dz,
              .d = dw.data,
              .d_stride = dw.shape[1],
              .m = dw.shape[0],
              .n = dw.shape[1],
              .k = count,
              .addend = add ? dw.data : nullptr});
}

template <class T>
void run_head_loss(CudaBackend& cuda, const HeadLoss& op) {
  const HeadRows<T> head(op);
  const int64_t labels = op.rows.shape[0], vocabulary = head.vocabulary;
  const int64_t chunk = std::min(labels, tile::head_rows(vocabulary));
  float* const logits = cuda.scratch<float>(CudaBackend::kScratch0, chunk * vocabulary);
  for (int64_t first = 0; first < labels; first += chunk) {
    const int64_t count = std::min(chunk, labels - first);
    const In h = gather_labelled(cuda, head, first, count);
    gemm(cuda, {.a = matrix(h),
                .b = matrix(op.weight.w, op.weight.layout == WeightLayout::kOutIn),
                .d = logits,
                .d_stride = vocabulary,
                .m = count,
                .n = vocabulary,
                .k = head.width});
    losses_of_chunk<T>(cuda, op, logits, first, count);
    const CudaMatrix dz{
        .data = logits, .dtype = dtype_of<T>(), .stride = vocabulary * static_cast<int64_t>(sizeof(float) / sizeof(T))};
    if (op.dhidden) hidden_gradient(cuda, head, dz, first, count);
    if (op.dw) weight_gradient(cuda, op, dz, matrix(h), count, first > 0 || op.dw.mode == GradMode::kAdd);
  }
}

}  // namespace

void run(CudaBackend& cuda, const HeadLoss& op) {
  clear_if_written(cuda, op.dhidden);
  if (op.rows.shape[0] == 0) return clear_if_written(cuda, op.dw);
  visit_float(op.hidden.dtype, [&]<class T> { run_head_loss<T>(cuda, op); });
}

}  // namespace lorica
