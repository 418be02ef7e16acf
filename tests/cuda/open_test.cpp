#include <cuda_runtime.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "kernels/context.h"

namespace lorica {
namespace {

std::string refusal() {
  try {
    Context context(Device::kCuda);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(OpenCuda, WithoutADriverIsOneLine) {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) == cudaSuccess && driver > 0) GTEST_SKIP() << "there is a driver here";
  EXPECT_EQ(refusal(),
            "device: cuda: no NVIDIA driver here (CUDA driver version is insufficient for CUDA runtime version); "
            "use device: cpu");
}

TEST(OpenCuda, WithNoVisibleDeviceNamesTheVariable) {
  int driver = 0;
  if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) GTEST_SKIP() << "there is no driver here";
  setenv("CUDA_VISIBLE_DEVICES", "", 1);
  EXPECT_NE(refusal().find("CUDA_VISIBLE_DEVICES=''"), std::string::npos);
}

}  // namespace
}  // namespace lorica
