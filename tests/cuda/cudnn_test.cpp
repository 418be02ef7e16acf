#include <dlfcn.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "kernels/cuda/cudnn_attention.h"

// What can be known of cuDNN without a GPU: it is loaded, and asked what it takes on a card that it is told of.
namespace lorica {
namespace {

std::string refusal(const PackedAttention& problem, int architecture = 90) {
  static const std::string h100 = [] {
    std::stringstream text;
    text << std::ifstream(TEST_DATA "/cudnn/h100.json").rdbuf();
    return text.str();
  }();
  return refusal_of_cudnn(problem, h100, architecture);
}

/// 2,048 tokens of two documents, which leave six empty ones.
PackedAttention problem(int64_t d, bool backward, int64_t window = 0) {
  return {.backward = backward,
          .documents = 8,
          .tokens = 2048,
          .longest = 1024,
          .heads = 8,
          .kv_heads = 2,
          .d = d,
          .window = window,
          .scale = 0.125f};
}

class Cudnn : public testing::Test {
 protected:
  void SetUp() override {
    // cuDNN compiles its kernels, but for that it wants the driver's library: where there is none, the toolkit's stub
    if (!dlopen("libcuda.so.1", RTLD_NOW) && !dlopen(CUDA_STUB, RTLD_NOW)) GTEST_SKIP() << dlerror();
    try {
      refusal(problem(64, false));
    } catch (const Error& error) {
      GTEST_SKIP() << error.what();
    }
  }
};

TEST_F(Cudnn, TakesTheWidthsOfModelsInBothDirections) {
  for (const int64_t d : {32, 64, 80, 96, 128, 256})
    for (const bool backward : {false, true})
      for (const int64_t window : {0, 100}) {
        const PackedAttention p = problem(d, backward, window);
        EXPECT_EQ(refusal(p), "") << p.text();
      }
}

TEST_F(Cudnn, SaysWhyItDoesNotTakeAProblem) {
  EXPECT_NE(refusal(problem(60, false)).find("multiple of 8"), std::string::npos) << refusal(problem(60, false));
  EXPECT_NE(refusal(problem(264, true)).find("256"), std::string::npos) << refusal(problem(264, true));
  // packed documents, deterministically, want sm_90
  EXPECT_NE(refusal(problem(64, true), 80), "");
  EXPECT_NE(refusal_of_cudnn(problem(64, false), "{}", 90), "");
}

}  // namespace
}  // namespace lorica
