#include "kernels/ops/adamw.h"

#include <limits>

#include "kernels/cuda/device/pieces.cuh"
#include "kernels/cuda/device/reduce.cuh"
#include "kernels/cuda/device/shared.cuh"
#include "kernels/cuda/shapes.h"

namespace lorica {
namespace {

using namespace device;

constexpr int kVector = Vector<float>::kWidth;

/// Many tensors cut into blocks of kElements, as a kernel parameter.
template <class Tensor>
struct Table {
  struct Entry {
    Tensor tensor;
    int64_t first_block;
  };
  Entry entries[tile::kTensorsPerLaunch];
  int count;
};

static_assert(sizeof(Table<AdamWTensor>) <= 32000, "kernel parameters hold at most 32,764 bytes");

/// The entry that a block works on: the last one that begins at or before it.
template <class Tensor>
__device__ __forceinline__ int entry_of(const Table<Tensor>& table, int64_t block) {
  int low = 0, high = table.count;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (table.entries[middle].first_block <= block ? low : high) = middle;
  }
  return low;
}

/// Calls fn(table, blocks) for tables that together list all tensors that have elements.
template <int kElements, class Tensor, class Source, class Fn>
void for_tables(std::span<const Source> sources, const auto& tensor_of, Fn&& fn) {
  Table<Tensor> table;
  table.count = 0;
  int64_t blocks = 0;
  const auto flush = [&] {
    if (table.count > 0) fn(table, blocks);
    table.count = 0;
    blocks = 0;
  };
  for (const Source& source : sources) {
    const Tensor tensor = tensor_of(source);
    if (tensor.elements == 0) continue;
    table.entries[table.count++] = {tensor, blocks};
    blocks += (tensor.elements + kElements - 1) / kElements;
    if (table.count == tile::kTensorsPerLaunch) flush();
  }
  flush();
}

/// What is the same for all elements of a step.
struct Step {
  const float* values;
  const double* norm;  ///< null: not given
  float beta1, beta2, rest1, rest2, eps, max_grad_norm;
};

__global__ void __launch_bounds__(tile::kAdamWThreads)
    adamw_kernel(const __grid_constant__ Table<AdamWTensor> table, Step step) {
  float grad_scale = 1;
  if (step.norm) {
    const double norm = *step.norm;
    if (!(norm <= std::numeric_limits<double>::max())) return;
    if (step.max_grad_norm > 0) grad_scale = static_cast<float>(fmin(1.0, step.max_grad_norm / (norm + 1e-6)));
  }
  const auto& entry = table.entries[entry_of(table, blockIdx.x)];
  const AdamWTensor t = entry.tensor;
  const float learning_rate = step.values[0] * t.lr_scale;
  const float keep = fmaf(-learning_rate, t.weight_decay, 1.0f);
  const float step_size = learning_rate * (1 / step.values[1]), inverse_root = 1 / sqrtf(step.values[2]);
  const auto address = [](const float* p) { return reinterpret_cast<uintptr_t>(p); };
  const bool vectors = (address(t.value) | address(t.grad) | address(t.m) | address(t.v)) % 16 == 0;

  const int64_t begin = (blockIdx.x - entry.first_block) * tile::kAdamWElements;
  const int64_t end = min(t.elements, begin + tile::kAdamWElements);
#pragma unroll 2
  for (int64_t at = begin + threadIdx.x * kVector; at < end; at += tile::kAdamWThreads * kVector) {
    const int count = static_cast<int>(min(end - at, int64_t{kVector}));
    const Floats<kVector> grad = load_floats<kVector>(t.grad + at, count, vectors);
    Floats<kVector> p = load_floats<kVector>(t.value + at, count, vectors);
    Floats<kVector> m = load_floats<kVector>(t.m + at, count, vectors);
    Floats<kVector> v = load_floats<kVector>(t.v + at, count, vectors);
#pragma unroll
    for (int j = 0; j < kVector; ++j) {
      const float g = grad.value[j] * grad_scale;
      const float m_new = step.beta1 * m.value[j] + step.rest1 * g;
      const float v_new = step.beta2 * v.value[j] + step.rest2 * (g * g);
      m.value[j] = m_new;
      v.value[j] = v_new;
      p.value[j] = p.value[j] * keep - step_size * m_new / (sqrtf(v_new) * inverse_root + step.eps);
    }
    store_floats(t.value + at, p, count, vectors);
    store_floats(t.m + at, m, count, vectors);
    store_floats(t.v + at, v, count, vectors);
  }
}

struct GradTensor {
  const float* grad;
  int64_t elements;
};
struct SumShared {
  double slots[kWarp];
};

/// sums[block] = the sum of squares of the block's elements.
__global__ void __launch_bounds__(tile::kNormSumThreads)
    square_sums_kernel(const __grid_constant__ Table<GradTensor> table, double* sums) {
  const auto& entry = table.entries[entry_of(table, blockIdx.x)];
  const GradTensor t = entry.tensor;
  const bool vectors = reinterpret_cast<uintptr_t>(t.grad) % 16 == 0;
  const int64_t begin = (blockIdx.x - entry.first_block) * tile::kNormSumElements;
  const int64_t end = min(t.elements, begin + tile::kNormSumElements);
  double sum = 0;
#pragma unroll 4
  for (int64_t at = begin + threadIdx.x * kVector; at < end; at += tile::kNormSumThreads * kVector) {
    const int count = static_cast<int>(min(end - at, int64_t{kVector}));
    const Floats<kVector> g = load_floats<kVector>(t.grad + at, count, vectors);
#pragma unroll
    for (int j = 0; j < kVector; ++j) sum += static_cast<double>(g.value[j]) * static_cast<double>(g.value[j]);
  }
  sum = block_sum(sum, shared_storage<SumShared>().slots);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

/// One block: norm = sqrt(sums[0] + sums[1] + ...), each thread over every blockDim-th, then these.
__global__ void __launch_bounds__(tile::kNormSumThreads)
    root_of_sums_kernel(const double* sums, int64_t count, double* norm) {
  double sum = 0;
  for (int64_t i = threadIdx.x; i < count; i += blockDim.x) sum += sums[i];
  sum = block_sum(sum, shared_storage<SumShared>().slots);
  if (threadIdx.x == 0) *norm = sqrt(sum);
}

}  // namespace

void run(CudaBackend& cuda, const AdamW& op) {
  const Step step{.values = op.step_values.as<float>(),
                  .norm = op.norm ? op.norm.as<double>() : nullptr,
                  .beta1 = op.beta1,
                  .beta2 = op.beta2,
                  .rest1 = static_cast<float>(1 - double{op.beta1}),
                  .rest2 = static_cast<float>(1 - double{op.beta2}),
                  .eps = op.eps,
                  .max_grad_norm = op.max_grad_norm};
  for_tables<tile::kAdamWElements, AdamWTensor>(
      op.tensors, [](const AdamWTensor& tensor) { return tensor; },
      [&](const Table<AdamWTensor>& table, int64_t blocks) {
        launch_kernel(cuda, "adamw", adamw_kernel,
                      {.grid = static_cast<unsigned>(blocks), .block = tile::kAdamWThreads}, table, step);
      });
}

void run(CudaBackend& cuda, const GlobalNorm& op) {
  constexpr int64_t kElements = tile::kNormSumElements;
  int64_t total = 0;
  for (const In& grad : op.grads) total += (grad.elements() + kElements - 1) / kElements;
  double* const sums = cuda.scratch<double>(CudaBackend::kScratch0, total);
  int64_t done = 0;
  for_tables<kElements, GradTensor>(
      op.grads,
      [](const In& grad) {
        return GradTensor{grad.as<float>(), grad.elements()};
      },
      [&](const Table<GradTensor>& table, int64_t blocks) {
        launch_kernel(
            cuda, "square_sums", square_sums_kernel,
            {.grid = static_cast<unsigned>(blocks), .block = tile::kNormSumThreads, .shared_bytes = sizeof(SumShared)},
            table, sums + done);
        done += blocks;
      });
  launch_kernel(cuda, "root_of_sums", root_of_sums_kernel,
                {.grid = 1, .block = tile::kNormSumThreads, .shared_bytes = sizeof(SumShared)}, sums, total,
                op.norm.as<double>());
}

}  // namespace lorica
