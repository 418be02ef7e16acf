#include <cuda_runtime.h>
#include <gtest/gtest.h>

#include "kernels/context.h"

namespace lorica {
namespace {

std::string refusal(int major, int minor) {
  simt::set_compute_capability(major, minor);
  std::string message;
  try {
    Context context(Device::kCuda);
  } catch (const Error& error) {
    message = error.what();
  }
  simt::set_compute_capability(9, 0);
  return message;
}

TEST(OpenCuda, ACardOlderThanAmpereIsRefusedByName) {
  EXPECT_EQ(refusal(7, 5),
            "device: cuda: SIMT harness is of architecture sm_75; sm_80 (Ampere) or newer is needed; use device: cpu");
  EXPECT_EQ(refusal(8, 0), "");
  EXPECT_EQ(refusal(10, 0), "");
}

}  // namespace
}  // namespace lorica
