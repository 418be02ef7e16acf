#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "kernels/cuda/device/async_copy.cuh"
#include "kernels/cuda/device/mma.cuh"
#include "kernels/cuda/device/shared.cuh"
#include "kernels/cuda/launch.h"
#include "tests/support/device_under_test.h"

// The wrappers of tensor instructions against plain loops: matrices go through shared memory and a warp's registers.
namespace lorica::test {
namespace {

using namespace device;

CudaBackend& cuda() { return *context_under_test().cuda; }

template <class T>
class Buffer {
 public:
  explicit Buffer(size_t count) : memory_(shared_bytes(count * sizeof(T))), count_(count) {}
  T* data() { return static_cast<T*>(memory_.get()); }
  T& operator[](size_t i) { return data()[i]; }
  void fill(std::mt19937& generator) {
    std::normal_distribution<float> normal;
    for (size_t i = 0; i < count_; ++i) data()[i] = T(normal(generator));
  }

 private:
  std::shared_ptr<void> memory_;
  size_t count_;
};

struct ProductShared {
  alignas(16) bf16 a[16][16];
  alignas(16) bf16 b[16][16];  // [k, n], or [n, k] where it is loaded as it stands
};

/// c [16, 16] += a [16, 16] b, one warp.
__global__ void product_kernel(const bf16* a, const bf16* b, float* c, bool b_is_transposed) {
  ProductShared& shared = shared_storage<ProductShared>();
  const int lane = threadIdx.x;
  for (int i = lane; i < 32; i += 32) {
    copy_async(shared_address(&shared.a[i / 2][i % 2 * 8]), a + 8 * i, true);
    copy_async(shared_address(&shared.b[i / 2][i % 2 * 8]), b + 8 * i, true);
  }
  commit_copies();
  wait_for_copies<0>();
  __syncthreads();
  uint32_t left[4], right[4];
  load_matrices(left, shared_address(&shared.a[lane % 16][lane / 16 * 8]));
  if (b_is_transposed)
    load_matrices(right, shared_address(&shared.b[lane % 8 + lane / 16 * 8][lane / 8 % 2 * 8]));
  else
    load_matrices_transposed(right, shared_address(&shared.b[lane % 16][lane / 16 * 8]));
  for (int half = 0; half < 2; ++half) {
    float sum[4];
    const int column = 8 * half + lane % 4 * 2;
    for (int i = 0; i < 4; ++i) sum[i] = c[(lane / 4 + i / 2 * 8) * 16 + column + i % 2];
    multiply_add_16x8x16(sum, left, right[2 * half], right[2 * half + 1]);
    for (int i = 0; i < 4; ++i) c[(lane / 4 + i / 2 * 8) * 16 + column + i % 2] = sum[i];
  }
}

TEST(Mma, ProductsAgreeWithPlainLoops) {
  std::mt19937 generator(1);
  for (const bool transposed : {false, true}) {
    Buffer<bf16> a(256), b(256);
    Buffer<float> c(256);
    a.fill(generator), b.fill(generator), c.fill(generator);
    std::vector<double> expected(256);
    for (size_t i = 0; i < 16; ++i)
      for (size_t j = 0; j < 16; ++j) {
        expected[i * 16 + j] = c[i * 16 + j];
        for (size_t k = 0; k < 16; ++k)
          expected[i * 16 + j] +=
              double{static_cast<float>(a[i * 16 + k])} * static_cast<float>(b[transposed ? j * 16 + k : k * 16 + j]);
      }
    launch_kernel(cuda(), "product", product_kernel, {.grid = 1, .block = 32, .shared_bytes = sizeof(ProductShared)},
                  a.data(), b.data(), c.data(), transposed);
    for (size_t i = 0; i < 256; ++i) EXPECT_NEAR(c[i], expected[i], 1e-5) << i << " transposed " << transposed;
  }
}

/// What each lane gets of four matrices that hold their own numbers.
__global__ void matrices_kernel(uint32_t* parts, bool transposed) {
  struct Shared {
    alignas(16) uint16_t at[4][8][8];
  };
  Shared& shared = shared_storage<Shared>();
  const int lane = threadIdx.x;
  for (int i = lane; i < 256; i += 32) shared.at[i / 64][i / 8 % 8][i % 8] = static_cast<uint16_t>(i);
  __syncthreads();
  uint32_t part[4];
  const SharedAddress row = shared_address(shared.at[lane / 8][lane % 8]);
  if (transposed)
    load_matrices_transposed(part, row);
  else
    load_matrices(part, row);
  for (int m = 0; m < 4; ++m) parts[lane * 4 + m] = part[m];
}

TEST(Mma, LoadedMatricesLieAsTheManualSays) {
  for (const bool transposed : {false, true}) {
    Buffer<uint32_t> parts(128);
    launch_kernel(cuda(), "matrices", matrices_kernel, {.grid = 1, .block = 32, .shared_bytes = 512}, parts.data(),
                  transposed);
    for (uint32_t lane = 0; lane < 32; ++lane)
      for (uint32_t m = 0; m < 4; ++m) {
        const uint32_t g = lane / 4, c = lane % 4 * 2;
        const uint32_t low = 64 * m + (transposed ? 8 * c + g : 8 * g + c);
        EXPECT_EQ(parts[lane * 4 + m], low | (low + (transposed ? 8 : 1)) << 16) << lane << " " << m;
      }
  }
}

/// Two groups of copies, of which the first is waited for; then both.
__global__ void copies_kernel(const float* from, float* seen) {
  struct Shared {
    alignas(16) float at[3][4];
  };
  Shared& shared = shared_storage<Shared>();
  for (auto& row : shared.at)
    for (float& x : row) x = -1;
  copy_async(shared_address(shared.at[0]), from, true);
  copy_async(shared_address(shared.at[1]), from, false);
  commit_copies();
  copy_async(shared_address(shared.at[2]), from + 4, true);
  commit_copies();
  wait_for_copies<1>();
  for (int i = 0; i < 8; ++i) seen[i] = shared.at[i / 4][i % 4];
  wait_for_copies<0>();
  for (int i = 0; i < 4; ++i) seen[8 + i] = shared.at[2][i];
}

TEST(AsyncCopy, GroupsArriveInOrderAndMissingSourcesAreZeros) {
  Buffer<float> from(8), seen(12);
  for (size_t i = 0; i < 8; ++i) from[i] = static_cast<float>(i + 1);
  launch_kernel(cuda(), "copies", copies_kernel, {.grid = 1, .block = 1, .shared_bytes = 48}, from.data(), seen.data());
  const float expected[] = {1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8};
  for (size_t i = 0; i < 12; ++i) EXPECT_EQ(seen[i], expected[i]) << i;
}

/// Without a wait nothing may be taken for there: the harness delivers as late as it may.
__global__ void no_wait_kernel(const float* from, float* seen) {
  struct Shared {
    alignas(16) float at[4];
  };
  Shared& shared = shared_storage<Shared>();
  shared.at[0] = -1;
  copy_async(shared_address(shared.at), from, true);
  commit_copies();
  wait_for_copies<1>();
  *seen = shared.at[0];
  wait_for_copies<0>();
}

TEST(AsyncCopy, ACopyThatIsNotWaitedForIsNotThere) {
  Buffer<float> from(4), seen(1);
  from[0] = 7;
  launch_kernel(cuda(), "no_wait", no_wait_kernel, {.grid = 1, .block = 1, .shared_bytes = 16}, from.data(),
                seen.data());
  EXPECT_EQ(seen[0], -1);
}

}  // namespace
}  // namespace lorica::test
