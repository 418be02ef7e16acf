#include "kernels/profile.h"

#include <gtest/gtest.h>

#include <string>

#include "kernels/memory.h"
#include "kernels/ops/rms_norm.h"

namespace lorica {
namespace {

class Record : public Profiler {
 public:
  void push(const char* name) override { text += std::string(name) + "("; }
  void pop() override { text += ")"; }
  void start() override { text += "<"; }
  void stop() override { text += ">"; }
  std::string text;
};

TEST(Profile, RangesNestAndCarryTheirIndex) {
  Record record;
  install_profiler(&record);
  profiler_start();
  {
    const ProfileRange step("step", 20);
    EXPECT_STREQ(current_range(), "step");
    {
      const ProfileRange op(op_name<RmsNormFwd>());
      EXPECT_STREQ(current_range(), "RmsNormFwd");
    }
    EXPECT_STREQ(current_range(), "step");
  }
  profiler_stop();
  install_profiler(nullptr);
  EXPECT_EQ(record.text, "<step 20(RmsNormFwd())>");
  EXPECT_STREQ(current_range(), "lorica");
}

TEST(Profile, OpNamesEndWhereTheyShould) { EXPECT_EQ(std::string(op_name<RmsNormBwd>()), "RmsNormBwd"); }

TEST(OutOfMemory, SaysWhoAskedForWhatAndWhatHelps) {
  class Full : public DeviceMemory {
    void* allocate(size_t) override { return nullptr; }
    void release(void*) noexcept override {}
    void copy_in(void*, const void*, size_t) override {}
    void copy_out(void*, const void*, size_t) override {}
    void copy(void*, const void*, size_t) override {}
    void clear(void*, size_t) override {}
    size_t free_bytes() const override { return size_t{3} << 20; }
  } full;
  const ProfileRange range("AttentionBwd");
  try {
    throw_out_of_memory(full, size_t{12} << 20);
  } catch (const RunError& error) {
    EXPECT_STREQ(
        error.what(),
        "out of memory: AttentionBwd asked for 12.0 MiB, 3.0 MiB are free; a smaller train.micro_batch_tokens, "
        "train.gradient_checkpointing: true and model.precision: bf16 each make the run smaller");
  }
}

}  // namespace
}  // namespace lorica
