#include <gtest/gtest.h>
#include <stdlib.h>

#include <string_view>

#include "kernels/cuda/backend.h"
#include "tests/support/close.h"
#include "tests/support/device_under_test.h"

namespace lorica::test {
namespace {

/// Lists every test and skips it where there is no GPU; tells in the end how close the results were.
/// LORICA_TEST_ATTENTION=cudnn runs everything with cuDNN's attention, and skips it where that is not there.
class NeedsGpu : public testing::Environment {
 public:
  void SetUp() override {
    try {
      const char* const attention = getenv("LORICA_TEST_ATTENTION");
      if (attention && attention == std::string_view("cudnn"))
        context_under_test().cuda->set_attention_kernel(AttentionKernel::kCudnn);
      else
        context_under_test();
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
  void TearDown() override { print_closeness(); }
};
const testing::Environment* const kNeedsGpu = testing::AddGlobalTestEnvironment(new NeedsGpu);

}  // namespace

Context& context_under_test() {
  static Context context(Device::kCuda);
  context.cuda->set_synchronous(true);
  return context;
}

std::shared_ptr<void> shared_bytes(size_t bytes) {
  void* block = nullptr;
  check_cuda(cudaMallocManaged(&block, bytes), "test memory");
  return {block, [](void* p) { cudaFree(p); }};
}

bool emulated() {
#ifdef LORICA_SIMT
  return true;
#else
  return false;
#endif
}

}  // namespace lorica::test
