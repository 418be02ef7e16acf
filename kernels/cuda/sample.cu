#include "kernels/ops/sample.h"

#include "kernels/cuda/device/fault.cuh"
#include "kernels/cuda/device/reduce.cuh"
#include "kernels/cuda/device/shared.cuh"
#include "kernels/cuda/shapes.h"
#include "kernels/philox.h"

namespace lorica {
namespace {

using namespace device;

using Word = unsigned long long;  // what 64-bit atomics take

constexpr int kThreads = tile::kSampleThreads, kWarps = kThreads / kWarp;
constexpr int kDigitBits = 8, kDigits = 1 << kDigitBits;
/// A rank holds the f32 logit in its order above 24 bits of the id, counted down: the better candidate is the larger.
constexpr int kIdBits = 24, kTopDigit = 48;
constexpr Word kIdMask = (Word{1} << kIdBits) - 1;

struct Arguments {
  const float* logits;
  const int64_t* draws;
  int32_t* ids;
  uint8_t* penalised;  ///< [B, V], null where there is no penalty
  float* scaled;       ///< [B, V] scratch
  Word* weights;       ///< [B, V] scratch
  int64_t width;
  float penalty, heat;  ///< heat 0: greedy
  int64_t top_k;
  double top_p, least;  ///< least: the weight that min_p asks for
  uint64_t seed;
  DeviceFault* fault;
};

struct SampleShared {
  Word histogram[kWarps][kDigits];
  Word sums[kDigits];
  Word slots[kWarp];
  Word before;
  int digit;
};

__device__ __forceinline__ Word rank_of(float x, int64_t id) {
  const unsigned bits = __float_as_uint(x + 0.0f);  // -0 becomes 0
  const unsigned ordered = bits >> 31 ? ~bits : bits | 0x80000000u;
  return (Word{ordered} << kIdBits) | (kIdMask - static_cast<Word>(id));
}
__device__ __forceinline__ int64_t id_of(Word rank) { return static_cast<int64_t>(kIdMask - (rank & kIdMask)); }

/// Finds the digit at which the weights, added up from the largest digit down, exceed the target: the first warp, eight
/// digits a lane. Leaves it, and the sum of those above it, in shared memory.
__device__ __forceinline__ void find_digit(Word target, SampleShared& shared) {
  constexpr int kEach = kDigits / kWarp;
  if (threadIdx.x >= kWarp) return;
  const int lane = static_cast<int>(threadIdx.x), first = kDigits - 1 - lane * kEach;
  Word own = 0;
  for (int j = 0; j < kEach; ++j) own += shared.sums[first - j];
  Word upto = own;
  for (int step = 1; step < kWarp; step *= 2) {
    const Word other = __shfl_up_sync(kAllLanes, upto, step);
    if (lane >= step) upto += other;
  }
  Word before = upto - own;
  if (before > target || target >= upto) return;
  int j = 0;
  while (before + shared.sums[first - j] <= target) before += shared.sums[first - j++];
  shared.digit = first - j;
  shared.before = before;
}

/// The rank of the first candidate, best first, up to which the weights add up to more than `target`, which is less
/// than their sum. One digit of the rank at a time, from the top: integer sums of the weights by digit.
template <class WeightOf>
__device__ Word select(const float* scaled, int64_t width, Word target, SampleShared& shared, WeightOf&& weight_of) {
  const int thread = static_cast<int>(threadIdx.x);
  Word prefix = 0;
  for (int shift = kTopDigit; shift >= 0; shift -= kDigitBits) {
    for (int i = thread; i < kWarps * kDigits; i += kThreads) shared.histogram[i / kDigits][i % kDigits] = 0;
    __syncthreads();
    for (int64_t i = thread; i < width; i += kThreads) {
      const Word rank = rank_of(scaled[i], i);
      if (rank >> shift >> kDigitBits != prefix) continue;
      const Word weight = weight_of(rank, i);
      if (weight > 0) atomicAdd(&shared.histogram[thread / kWarp][(rank >> shift) % kDigits], weight);
    }
    __syncthreads();
    for (int d = thread; d < kDigits; d += kThreads) {
      Word sum = 0;
      for (int w = 0; w < kWarps; ++w) sum += shared.histogram[w][d];
      shared.sums[d] = sum;
    }
    __syncthreads();
    find_digit(target, shared);
    __syncthreads();
    target -= shared.before;
    prefix = (prefix << kDigitBits) | static_cast<Word>(shared.digit);
  }
  return prefix;
}

__device__ __forceinline__ Word weight_of_logit(float x, float top) {
  if (x == top) return static_cast<Word>(kSampleWeightOne);
  return static_cast<Word>(exp(static_cast<double>(x) - static_cast<double>(top)) * kSampleWeightOne + 0.5);
}

__global__ void mark_seen_kernel(const int32_t* seen, const int32_t* seen_lens, uint8_t* penalised, int64_t width,
                                 int64_t room) {
  const int64_t b = blockIdx.x;
  for (int64_t i = threadIdx.x; i < seen_lens[b]; i += blockDim.x) {
    const int32_t id = seen[b * room + i];
    if (id >= 0 && id < width) penalised[b * width + id] = 1;
  }
}

/// Lowest rank and total weight of the candidates that are still in.
struct Kept {
  Word floor, total;
};

/// The sum of the weights of what is kept, least weight included. A select() must stand between two calls: it has the
/// barriers that the slots need.
__device__ __forceinline__ Word sum_kept(const float* scaled, const Word* weights, int64_t width, Word floor,
                                         double least, SampleShared& shared) {
  Word sum = 0;
  for (int64_t i = threadIdx.x; i < width; i += kThreads)
    if (rank_of(scaled[i], i) >= floor && static_cast<double>(weights[i]) >= least) sum += weights[i];
  return block_sum(sum, shared.slots);
}

__device__ __forceinline__ Kept filter(const Arguments& op, const float* scaled, const Word* weights,
                                       SampleShared& shared) {
  Word floor = 0;
  if (op.top_k > 0 && op.top_k < op.width)
    floor = select(scaled, op.width, static_cast<Word>(op.top_k - 1), shared, [](Word, int64_t) { return Word{1}; });
  if (op.top_p < 1) {
    const Word total = sum_kept(scaled, weights, op.width, floor, 0, shared);
    const double wanted = ceil(fmax(op.top_p, 0.0) * static_cast<double>(total));
    const Word kept_before = floor;
    floor = select(scaled, op.width, static_cast<Word>(fmax(wanted, 1.0)) - 1, shared,
                   [&](Word rank, int64_t i) { return rank >= kept_before ? weights[i] : 0; });
  }
  return {floor, sum_kept(scaled, weights, op.width, floor, op.least, shared)};
}

/// A block a sequence.
__global__ void __launch_bounds__(kThreads, 1) sample_kernel(Arguments op) {
  SampleShared& shared = shared_storage<SampleShared>();
  const int64_t b = blockIdx.x, sequence = op.draws[2 * b], draw = op.draws[2 * b + 1];
  if (threadIdx.x == 0) op.ids[b] = -1;
  if (draw < 0) return;
  const float* const logits = op.logits + b * op.width;
  float* const scaled = op.scaled + b * op.width;
  Word* const weights = op.weights + b * op.width;

  Word best = 0;
  bool wrong = false;
  for (int64_t i = threadIdx.x; i < op.width; i += kThreads) {
    float x = logits[i];
    if (op.penalised && op.penalised[b * op.width + i]) x = x < 0 ? x * op.penalty : x / op.penalty;
    wrong = wrong || x != x || x == INFINITY;
    if (op.heat > 0) scaled[i] = x / op.heat;
    if (x > -INFINITY) best = max(best, rank_of(x, i));
  }
  wrong = __syncthreads_or(wrong);
  best = block_max(best, shared.slots);
  __syncthreads();
  if (wrong || best == 0) {
    if (threadIdx.x == 0) record_fault(op.fault, FaultPlace::kSample, b, 0, 0);
    return;
  }
  if (op.heat > 0) {
    const float top = scaled[id_of(best)];
    for (int64_t i = threadIdx.x; i < op.width; i += kThreads) weights[i] = weight_of_logit(scaled[i], top);
    const Kept kept = filter(op, scaled, weights, shared);
    const auto words = philox(op.seed, static_cast<uint64_t>(sequence), static_cast<uint64_t>(draw));
    const Word random = (Word{words[0]} << 32) | words[1];
    best = select(scaled, op.width, __umul64hi(random, kept.total), shared, [&](Word rank, int64_t i) {
      return rank >= kept.floor && static_cast<double>(weights[i]) >= op.least ? weights[i] : 0;
    });
  }
  if (threadIdx.x == 0) op.ids[b] = static_cast<int32_t>(id_of(best));
}

}  // namespace

void run(CudaBackend& cuda, const Sample& op) {
  const int64_t batch = op.logits.shape[0], n = op.logits.elements();
  const SamplingOptions& options = op.options;
  const auto blocks = static_cast<unsigned>(batch);
  const bool hot = options.temperature > 0;
  uint8_t* penalised = nullptr;
  if (options.repetition_penalty != 1) {
    penalised = cuda.scratch<uint8_t>(CudaBackend::kScratch0, n);
    cuda.memory().clear(penalised, static_cast<size_t>(n));
    launch_kernel(cuda, "mark_seen", mark_seen_kernel, {.grid = blocks, .block = tile::kFlatThreads},
                  op.seen.as<int32_t>(), op.seen_lens.as<int32_t>(), penalised, op.logits.shape[1], op.seen.shape[1]);
  }
  const Arguments arguments{.logits = op.logits.as<float>(),
                            .draws = op.draws.as<int64_t>(),
                            .ids = op.ids.as<int32_t>(),
                            .penalised = penalised,
                            .scaled = hot ? cuda.scratch<float>(CudaBackend::kScratch1, n) : nullptr,
                            .weights = hot ? cuda.scratch<Word>(CudaBackend::kScratch2, n) : nullptr,
                            .width = op.logits.shape[1],
                            .penalty = static_cast<float>(options.repetition_penalty),
                            .heat = hot ? static_cast<float>(options.temperature) : 0.0f,
                            .top_k = options.top_k,
                            .top_p = options.top_p,
                            .least = std::min(options.min_p, 1.0) * kSampleWeightOne,
                            .seed = options.seed,
                            .fault = cuda.fault()};
  launch_kernel(cuda, "sample", sample_kernel,
                {.grid = blocks, .block = kThreads, .shared_bytes = sizeof(SampleShared)}, arguments);
}

}  // namespace lorica
