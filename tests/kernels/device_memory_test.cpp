#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <numeric>
#include <vector>

#include "tests/support/device_under_test.h"

namespace lorica::test {
namespace {

struct Block {
  explicit Block(size_t bytes) : memory(context_under_test().memory()), data(memory.allocate(bytes)) {}
  ~Block() { memory.release(data); }
  DeviceMemory& memory;
  void* data;
};

std::vector<unsigned char> bytes(size_t count, unsigned seed) {
  std::vector<unsigned char> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<unsigned char>((i * 31 + seed) >> 3);
  return values;
}

TEST(DeviceMemory, BytesComeBackAtEverySize) {
  for (const size_t size : {size_t{1}, size_t{63}, size_t{1} << 20, (size_t{1} << 20) + 1}) {
    Block there(size), copied(size);
    const std::vector<unsigned char> sent = bytes(size, 5);
    std::vector<unsigned char> got(size);
    there.memory.copy_in(there.data, sent.data(), size);
    there.memory.copy(copied.data, there.data, size);
    there.memory.clear(there.data, size);
    there.memory.copy_out(got.data(), copied.data, size);
    EXPECT_EQ(got, sent);
    there.memory.copy_out(got.data(), there.data, size);
    EXPECT_EQ(got, std::vector<unsigned char>(size));
  }
}

/// The host's buffer may be overwritten as soon as copy_in returns, also when many copies are on their way.
TEST(DeviceMemory, ManySmallCopiesKeepTheirValues) {
  constexpr size_t kSize = 4096, kCopies = 40;
  Block all(kSize * kCopies);
  std::vector<unsigned char> host;
  for (size_t i = 0; i < kCopies; ++i) {
    host = bytes(kSize, static_cast<unsigned>(i) * 977);
    all.memory.copy_in(static_cast<unsigned char*>(all.data) + i * kSize, host.data(), kSize);
    std::memset(host.data(), 0xee, kSize);
  }
  std::vector<unsigned char> got(kSize);
  for (size_t i = 0; i < kCopies; ++i) {
    all.memory.copy_out(got.data(), static_cast<unsigned char*>(all.data) + i * kSize, kSize);
    EXPECT_EQ(got, bytes(kSize, static_cast<unsigned>(i) * 977)) << i;
  }
}

TEST(DeviceMemory, TooMuchIsNull) {
  if (emulated()) GTEST_SKIP() << "the sanitizer ends the program";
  DeviceMemory& memory = context_under_test().memory();
  EXPECT_EQ(memory.allocate(size_t{1} << 60), nullptr);
  void* const small = memory.allocate(64);
  EXPECT_NE(small, nullptr);
  memory.release(small);
}

}  // namespace
}  // namespace lorica::test
