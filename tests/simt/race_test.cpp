#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/simt/races.h"

// The race detector: this file is compiled with the calls at each access.
namespace simt {
namespace {

int* memory() {
  static int* const block = [] {
    int* data = nullptr;
    cudaMalloc(&data, 4096);
    return data;
  }();
  return block;
}

/// What a launch over `memory()` ended with: "" or the fault.
std::string run(dim3 grid, dim3 block, void (*kernel)(int*)) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = 1024;
  const cudaError_t error = cudaLaunchKernelEx(&config, kernel, memory());
  cudaGetLastError();
  return error == cudaSuccess ? "" : cudaGetErrorString(error);
}
int* shared() { return static_cast<int*>(shared_memory(1024)); }

void expect_race(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find("race: "), std::string::npos) << text;
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

template <bool kBarrier, bool kSecondBarrier>
__global__ void neighbours_kernel(int* out) {
  const unsigned i = threadIdx.x, n = blockDim.x;
  for (int round = 0; round < 2; ++round) {
    shared()[i] = round;
    if (kBarrier) __syncthreads();
    out[i + n * blockIdx.x] = shared()[(i + 40) % n];
    if (kSecondBarrier) __syncthreads();
  }
}
TEST(Races, BarriersOrderABlock) {
  for (uint64_t seed = 0; seed < 4; ++seed) {
    set_schedule_seed(seed);
    EXPECT_EQ(run(2, 128, neighbours_kernel<true, true>), "");
    expect_race(run(2, 128, neighbours_kernel<false, true>), "of shared memory, from byte");
    expect_race(run(2, 128, neighbours_kernel<true, false>), "of this block");
  }
  set_schedule_seed(1);
}

template <bool kSync>
__global__ void lanes_kernel(int* out) {
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  shared()[threadIdx.x] = 1;
  __shfl_xor_sync(0xffffffffu, 1, 1);  // orders no memory
  if (kSync) __syncwarp();
  out[threadIdx.x] = shared()[warp * 32 + (lane + 1) % 32];
}
TEST(Races, SyncwarpOrdersAWarpAndAShuffleDoesNot) {
  EXPECT_EQ(run(1, 64, lanes_kernel<true>), "");
  expect_race(run(1, 64, lanes_kernel<false>), "shared memory");
}
__global__ void across_warps_kernel(int* out) {
  shared()[threadIdx.x] = 1;
  __syncwarp();
  out[threadIdx.x] = shared()[threadIdx.x ^ 32];
}
TEST(Races, SyncwarpDoesNotOrderTwoWarps) { expect_race(run(1, 64, across_warps_kernel), "shared memory"); }

__global__ void same_place_kernel(int* out) { out[threadIdx.x] = 1; }
__global__ void read_only_kernel(int* out) { out[blockIdx.x * 32 + threadIdx.x + 1] = out[0]; }
TEST(Races, BlocksMustNotWriteOnePlace) {
  expect_race(run(2, 32, same_place_kernel), "an earlier block wrote");
  expect_race(run(2, 32, same_place_kernel), "an allocation of 4096 bytes, from byte");
  EXPECT_EQ(run(1, 32, same_place_kernel), "");
  EXPECT_EQ(run(3, 32, read_only_kernel), "");
}

__global__ void written_by_one_read_by_all_kernel(int* out) {
  out[1 + threadIdx.x] = out[0];
  if (threadIdx.x == 31) out[0] = 1;
}
TEST(Races, AWriteAfterManyReadsIsOne) {
  set_schedule_seed(0);
  expect_race(run(1, 32, written_by_one_read_by_all_kernel), "an allocation of 4096 bytes, from byte 0");
  expect_race(run(1, 32, written_by_one_read_by_all_kernel), "of this block read");
  set_schedule_seed(1);
}

/// Two warps read a place, and the second comes back after a __syncwarp to write there.
__global__ void reads_of_two_warps_kernel(int* out) {
  out[threadIdx.x] = shared()[100];
  __syncwarp();
  if (threadIdx.x == 32) shared()[100] = 1;
}
TEST(Races, AWarpDoesNotHideTheReadOfAnother) {
  set_schedule_seed(0);
  expect_race(run(1, 64, reads_of_two_warps_kernel), "of this block read");
  set_schedule_seed(1);
}

__global__ void halves_kernel(int* out) { reinterpret_cast<short*>(out)[threadIdx.x] = 1; }
TEST(Races, NeighbouringHalvesOfAWordAreTwoPlaces) { EXPECT_EQ(run(1, 64, halves_kernel), ""); }

/// Memory of the host, kept from launch to launch as the host bodies of instructions do.
__global__ void host_memory_kernel(int* out) {
  static auto* const kept = new std::vector<int>;
  kept->push_back(out[threadIdx.x]);
}
TEST(Races, MemoryOfTheHostIsNotWatched) {
  std::vector<void*> freed(64);
  for (void*& block : freed) cudaMalloc(&block, 16);
  for (void* block : freed) cudaFree(block);
  EXPECT_EQ(run(1, 256, host_memory_kernel), "");
}

/// The last lane to come to a shuffle writes on the stacks of the others.
__global__ void shuffles_kernel(int* out) {
  int value = static_cast<int>(threadIdx.x);
  race_detector().watch(&value, sizeof(value));  // by the page
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
  out[threadIdx.x] = value;
}
TEST(Races, StacksAreNotWatched) {
  EXPECT_EQ(run(1, 64, shuffles_kernel), "");
  EXPECT_EQ(memory()[0], 496);
}

/// The last block to arrive adds up what all of them wrote.
template <bool kCounter>
__global__ void last_block_kernel(int* out) {
  out[1 + blockIdx.x] = 7;
  __threadfence();
  const int before = kCounter ? atomicAdd(out, 1) : static_cast<int>(blockIdx.x);
  if (before + 1 < static_cast<int>(gridDim.x)) return;
  int sum = 0;
  for (unsigned b = 0; b < gridDim.x; ++b) sum += out[1 + b];
  out[100] = sum;
}
TEST(Races, AnAtomicCounterOrdersBlocks) {
  memory()[0] = 0;
  EXPECT_EQ(run(4, 1, last_block_kernel<true>), "");
  EXPECT_EQ(memory()[100], 28);
  expect_race(run(4, 1, last_block_kernel<false>), "reads 4 bytes");
}

}  // namespace
}  // namespace simt
