#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

// The harness itself: what it must let pass, and the faults that it must name.
namespace simt {
namespace {

template <class... Parameters, class... Arguments>
cudaError_t run(dim3 grid, dim3 block, size_t shared, void (*kernel)(Parameters...), Arguments... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared;
  return cudaLaunchKernelEx(&config, kernel, arguments...);
}

/// Device memory of a test.
template <class T>
struct Device {
  explicit Device(size_t elements) : count(elements) { EXPECT_EQ(cudaMalloc(&data, count * sizeof(T)), cudaSuccess); }
  Device(const Device&) = delete;
  ~Device() { cudaFree(data); }
  std::vector<T> values() const { return {data, data + count}; }
  T* data = nullptr;
  size_t count;
};

void expect_fault(cudaError_t error, const std::vector<std::string>& parts) {
  ASSERT_EQ(error, cudaErrorLaunchFailure);
  const std::string text = cudaGetErrorString(error);
  for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " in: " << text;
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
}

__global__ void index_kernel(unsigned* out) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  out[block * blockDim.x * blockDim.y * blockDim.z + thread] = block * 1000 + thread;
}

TEST(Executor, EveryThreadOfEveryBlockRunsOnce) {
  Device<unsigned> out(2 * 3 * 2 * 5 * 3 * 4);
  ASSERT_EQ(run({2, 3, 2}, {5, 3, 4}, 0, index_kernel, out.data), cudaSuccess);
  for (unsigned i = 0; i < out.count; ++i) EXPECT_EQ(out.data[i], i / 60 * 1000 + i % 60);
}

__global__ void reverse_kernel(const int* in, int* out, int n) {
  int* const shared = static_cast<int*>(shared_memory(sizeof(int) * blockDim.x));
  const int i = static_cast<int>(threadIdx.x);
  for (int round = 0; round < 3; ++round) {
    shared[i] = round == 0 ? in[i] : out[i];
    __syncthreads();
    out[i] = shared[n - 1 - i];
    __syncthreads();
  }
}

TEST(Executor, BarriersGiveTheSameResultInEveryOrder) {
  constexpr int kThreads = 200;
  Device<int> in(kThreads), out(kThreads);
  std::iota(in.data, in.data + kThreads, 5);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    set_schedule_seed(seed);
    ASSERT_EQ(run(1, kThreads, kThreads * sizeof(int), reverse_kernel, in.data, out.data, kThreads), cudaSuccess);
    for (int i = 0; i < kThreads; ++i) ASSERT_EQ(out.data[i], in.data[kThreads - 1 - i]);
  }
  set_schedule_seed(1);
}

/// Lacks the barrier between write and read.
__global__ void unsynced_kernel(int* out, int n) {
  int* const shared = static_cast<int*>(shared_memory(sizeof(int) * blockDim.x));
  const int i = static_cast<int>(threadIdx.x);
  shared[i] = i;
  out[i] = shared[n - 1 - i];
}

TEST(Executor, OrdersShakeOutAMissingBarrier) {
  Device<int> first(64), other(64);
  ASSERT_EQ(run(1, 64, 256, unsynced_kernel, first.data, 64), cudaSuccess);
  set_schedule_seed(2);
  ASSERT_EQ(run(1, 64, 256, unsynced_kernel, other.data, 64), cudaSuccess);
  set_schedule_seed(1);
  EXPECT_NE(first.values(), other.values());
}

__global__ void divergent_kernel() {
  if (threadIdx.x < 7)
    __syncthreads();
  else
    __syncthreads();
}
TEST(Executor, NamesADivergentBarrier) {
  expect_fault(run(3, 64, 0, divergent_kernel), {"block (0, 0, 0)", "divergent barrier", "executor_test.cpp:"});
}

__global__ void missed_barrier_kernel() {
  if (threadIdx.x < 40) __syncthreads();
  __syncwarp();
  if (threadIdx.x >= 40) __syncthreads();
}
TEST(Executor, NamesABarrierThatSomeThreadsNeverReach) {
  expect_fault(run(1, 64, 0, missed_barrier_kernel), {"stuck", "of 64 threads wait in __syncthreads", "in __syncwarp"});
}

__global__ void leaving_kernel(int* out) {
  if (threadIdx.x >= 33) return;
  __syncthreads();
  out[threadIdx.x] = __syncthreads_count(threadIdx.x % 2);
}
TEST(Executor, ThreadsThatEndedDoNotCount) {
  Device<int> out(33);
  ASSERT_EQ(run(1, 96, 0, leaving_kernel, out.data), cudaSuccess);
  EXPECT_EQ(out.values(), std::vector<int>(33, 16));
}

__global__ void absent_lane_kernel() {
  if (threadIdx.x != 3) __shfl_xor_sync(0xffffffffu, 1.0f, 1);
  __syncwarp(1u << 3 | 1u << 4);
}
TEST(Executor, NamesLanesThatNeverCome) {
  expect_fault(run(1, 32, 0, absent_lane_kernel), {"stuck", "__shfl_xor_sync", "0x00000008 of warp 0"});
}

__global__ void wrong_mask_kernel() { __syncwarp(0xffu); }
TEST(Executor, NamesAMaskWithoutTheCaller) {
  expect_fault(run(1, 32, 0, wrong_mask_kernel), {"mask 0x000000ff lacks the calling lane"});
}

__global__ void two_places_kernel() {
  if (threadIdx.x % 2)
    __shfl_xor_sync(0xffffffffu, 1, 1);
  else
    __shfl_down_sync(0xffffffffu, 1, 1);
}
TEST(Executor, NamesADivergentWarp) {
  expect_fault(run(1, 32, 0, two_places_kernel), {"divergent warp", "__shfl_xor_sync", "__shfl_down_sync"});
}

__global__ void shuffle_kernel(int* out) {
  const int lane = static_cast<int>(threadIdx.x), value = 100 + lane;
  const double wide = value + 0.5;
  int* const mine = out + lane * 8;
  mine[0] = __shfl_sync(0xffffffffu, value, 5);
  mine[1] = __shfl_sync(0xffffffffu, value, 5, 8);
  mine[2] = __shfl_up_sync(0xffffffffu, value, 3);
  mine[3] = __shfl_down_sync(0xffffffffu, value, 3, 16);
  mine[4] = __shfl_xor_sync(0xffffffffu, value, 9);
  mine[5] = static_cast<int>(2 * __shfl_xor_sync(0xffffffffu, wide, 1));
  mine[6] = static_cast<int>(__ballot_sync(0xffffffffu, lane % 3 == 0));
  mine[7] = __any_sync(0xffffffffu, lane == 9) * 2 + __all_sync(0xffffffffu, lane < 32);
}
TEST(Executor, ShufflesMoveWhatTheManualSays) {
  Device<int> out(32 * 8);
  ASSERT_EQ(run(1, 32, 0, shuffle_kernel, out.data), cudaSuccess);
  int thirds = 0;
  for (int lane = 0; lane < 32; lane += 3) thirds |= static_cast<int>(1u << lane);
  for (int lane = 0; lane < 32; ++lane) {
    const int* const got = out.data + lane * 8;
    EXPECT_EQ(got[0], 105);
    EXPECT_EQ(got[1], 100 + lane / 8 * 8 + 5);
    EXPECT_EQ(got[2], 100 + (lane >= 3 ? lane - 3 : lane));
    EXPECT_EQ(got[3], 100 + (lane % 16 < 13 ? lane + 3 : lane));
    EXPECT_EQ(got[4], 100 + (lane ^ 9));
    EXPECT_EQ(got[5], 2 * (100 + (lane ^ 1)) + 1);
    EXPECT_EQ(got[6], thirds);
    EXPECT_EQ(got[7], 3);
  }
}

__global__ void half_warps_kernel(int* out) {
  const unsigned mask = threadIdx.x < 16 ? 0xffffu : 0xffff0000u;
  int sum = static_cast<int>(threadIdx.x);
  for (int step = 8; step > 0; step /= 2) sum += __shfl_xor_sync(mask, sum, step);
  out[threadIdx.x] = sum;
}
TEST(Executor, PartsOfAWarpMeetByThemselves) {
  Device<int> out(32);
  ASSERT_EQ(run(1, 32, 0, half_warps_kernel, out.data), cudaSuccess);
  for (int lane = 0; lane < 32; ++lane) EXPECT_EQ(out.data[lane], lane < 16 ? 120 : 376);
}

__global__ void collective_kernel(int* out) {
  out[threadIdx.x] = warp_collective(static_cast<int>(threadIdx.x), [](std::array<int, 32>& all) {
    for (int lane = 1; lane < 32; ++lane) all[lane] += all[lane - 1];
  });
}
TEST(Executor, ACollectiveRunsOnceWithTheLanesInOrder) {
  Device<int> out(32);
  ASSERT_EQ(run(1, 32, 0, collective_kernel, out.data), cudaSuccess);
  for (int lane = 0; lane < 32; ++lane) EXPECT_EQ(out.data[lane], lane * (lane + 1) / 2);
}

__global__ void count_kernel(unsigned* count, int* most) {
  atomicAdd(count, 2);
  atomicMax(most, static_cast<int>(threadIdx.x));
}
TEST(Executor, AtomicsCountEveryThread) {
  Device<unsigned> count(1);
  Device<int> most(1);
  *count.data = 1, *most.data = -1;
  ASSERT_EQ(run(3, 50, 0, count_kernel, count.data, most.data), cudaSuccess);
  EXPECT_EQ(*count.data, 301u);
  EXPECT_EQ(*most.data, 49);
}

__global__ void throwing_kernel() {
  if (threadIdx.x == 40) throw std::runtime_error("planted");
  __syncthreads();
}
TEST(Executor, AnExceptionEndsTheLaunchOnly) {
  expect_fault(run(2, 64, 0, throwing_kernel), {"thread (40, 0, 0)", "exception: planted"});
  Device<unsigned> out(64);
  EXPECT_EQ(run(1, 64, 0, index_kernel, out.data), cudaSuccess);
}

__global__ void shared_kernel(float* out, int at) {
  out[threadIdx.x] = static_cast<float*>(shared_memory(64 * sizeof(float)))[at];
}
__global__ void shared_write_kernel(int at) { static_cast<float*>(shared_memory(64 * sizeof(float)))[at] = 1; }
__global__ void write_kernel(float* out, int at) { out[at] = 1; }

TEST(Memory, SharedMemoryStartsAsNan) {
  Device<float> out(4);
  ASSERT_EQ(run(1, 4, 256, shared_kernel, out.data, 63), cudaSuccess);
  for (float v : out.values()) EXPECT_TRUE(std::isnan(v));
}
TEST(Memory, RefusesMoreSharedMemoryThanTheLaunchGave) {
  Device<float> out(4);
  expect_fault(run(1, 4, 128, shared_kernel, out.data, 0), {"takes 256 bytes of shared memory, the launch gave 128"});
  EXPECT_EQ(run(1, 4, 48 * 1024 + 1, shared_kernel, out.data, 0), cudaErrorInvalidConfiguration);
  ASSERT_EQ(cudaFuncSetAttribute(shared_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 60000), cudaSuccess);
  EXPECT_EQ(run(1, 4, 48 * 1024 + 1, shared_kernel, out.data, 0), cudaSuccess);
  EXPECT_EQ(cudaFuncSetAttribute(shared_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, 227 * 1024 + 1),
            cudaErrorInvalidValue);
}
TEST(MemoryDeathTest, CatchesAnAccessBeyondSharedMemory) {
  Device<float> out(4);
  EXPECT_DEATH(run(1, 4, 256, shared_write_kernel, 64), "AddressSanitizer: use-after-poison[^\n]*\nWRITE of size 4");
  EXPECT_DEATH(run(1, 4, 256, shared_kernel, out.data, 64), "AddressSanitizer: use-after-poison[^\n]*\nREAD of size 4");
}
TEST(MemoryDeathTest, CatchesAWriteOutsideAnAllocation) {
  Device<float> out(5);
  EXPECT_DEATH(run(1, 4, 0, write_kernel, out.data, 5), "AddressSanitizer: heap-buffer-overflow");
  EXPECT_DEATH(run(1, 4, 0, write_kernel, out.data, -1), "AddressSanitizer: heap-buffer-overflow");
  float* const gone = Device<float>(5).data;
  EXPECT_DEATH(run(1, 4, 0, write_kernel, gone, 0), "AddressSanitizer: heap-use-after-free");
}

TEST(Memory, RunsOutAtTheLimit) {
  set_device_memory(1000);
  Device<char> first(600);
  void* second = nullptr;
  EXPECT_EQ(cudaMalloc(&second, 401), cudaErrorMemoryAllocation);
  EXPECT_EQ(second, nullptr);
  EXPECT_EQ(cudaMalloc(&second, 400), cudaSuccess);
  size_t free = 1, total = 0;
  cudaMemGetInfo(&free, &total);
  EXPECT_EQ(free, 0u);
  EXPECT_EQ(total, 1000u);
  EXPECT_EQ(cudaFree(second), cudaSuccess);
  EXPECT_EQ(cudaFree(second), cudaErrorInvalidValue);
  set_device_memory(size_t{4} << 30);
  cudaGetLastError();
}

TEST(Launch, RefusesWhatNoGpuTakes) {
  Device<unsigned> out(1);
  EXPECT_EQ(run(1, 1025, 0, index_kernel, out.data), cudaErrorInvalidConfiguration);
  EXPECT_EQ(run(1, {1, 1, 65}, 0, index_kernel, out.data), cudaErrorInvalidConfiguration);
  EXPECT_EQ(run({1, 65536}, 1, 0, index_kernel, out.data), cudaErrorInvalidConfiguration);
  EXPECT_EQ(run(0, 1, 0, index_kernel, out.data), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
}

}  // namespace
}  // namespace simt
