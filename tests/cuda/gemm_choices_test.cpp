#include "kernels/cuda/gemm_choices.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace lorica {
namespace {

namespace fs = std::filesystem;

GemmChoice choice(uint64_t seed) { return {{seed, ~uint64_t{0}, 3, 0, 5, 6, 7, seed * seed}, 4096 * seed, 12.5}; }

class Choices : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("lorica_choices_" + std::to_string(getpid()));
    path_ = folder_ / "deeper/gemm.txt";
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string text() const {
    std::stringstream all;
    all << std::ifstream(path_).rdbuf();
    return all.str();
  }
  fs::path folder_;
  std::string path_;
};

TEST_F(Choices, AreThereInTheNextRun) {
  GemmChoices first(path_, "card, 13.1.0");
  EXPECT_EQ(first.warning(), "");
  EXPECT_EQ(first.find("k1"), nullptr);
  first.remember("k1", choice(1));
  first.remember("k2", choice(2));
  const GemmChoices second(path_, "card, 13.1.0");
  ASSERT_NE(second.find("k1"), nullptr);
  EXPECT_EQ(*second.find("k1"), choice(1));
  EXPECT_EQ(*second.find("k2"), choice(2));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "deeper"), {}), 1);  // nothing left beside it
}

TEST_F(Choices, OfTwoProcessesAreMerged) {
  GemmChoices one(path_, "card"), two(path_, "card");
  one.remember("k1", choice(1));
  two.remember("k2", choice(2));
  const GemmChoices both(path_, "card");
  EXPECT_NE(both.find("k1"), nullptr);
  EXPECT_NE(both.find("k2"), nullptr);
}

TEST_F(Choices, ADamagedFileIsLeftAsideWithAWarning) {
  GemmChoices(path_, "card").remember("k1", choice(1));
  const std::string whole = text();
  ASSERT_EQ(GemmChoices(path_, "card").warning(), "");
  EXPECT_NE(GemmChoices(path_, "other card").warning().find(path_), std::string::npos);
  for (size_t length = 0; length < whole.size(); ++length) {
    std::ofstream(path_) << whole.substr(0, length);
    const GemmChoices cut(path_, "card");
    EXPECT_EQ(cut.find("k1"), nullptr) << length;
    EXPECT_NE(cut.warning(), "") << length;
  }
  std::string wrong = whole;
  wrong.replace(wrong.find(" ffff"), 5, " fzff");
  std::ofstream(path_) << wrong;
  GemmChoices mended(path_, "card");
  EXPECT_NE(mended.warning(), "");
  mended.remember("k3", choice(3));
  EXPECT_NE(GemmChoices(path_, "card").find("k3"), nullptr);
}

TEST_F(Choices, AFolderThatCannotBeWrittenIsNoError) {
  GemmChoices lost("/proc/lorica/gemm.txt", "card");
  lost.remember("k1", choice(1));
  EXPECT_NE(lost.find("k1"), nullptr);
}

TEST(GemmKey, TellsApartWhatMatters) {
  const GemmKey key{.m = 1, .n = 2, .k = 3, .a = {Dtype::bf16, 8, false, 2}, .b = {Dtype::bf16, 9, true, 16}, .d = {}};
  EXPECT_EQ(key.text(), "m1n2k3:a-bf16-8-2:bt-bf16-9-16:d-f32-0-16");
  std::vector<GemmKey> others(8, key);
  others[0].m = 7, others[1].a.stride = 7, others[2].a.transposed = true, others[3].b.alignment = 8;
  others[4].d.dtype = Dtype::bf16, others[5].has_addend = true, others[6].has_bias = true;
  others[7].has_addend = true, others[7].addend_alignment = 4;
  for (size_t i = 0; i < others.size(); ++i) {
    EXPECT_NE(others[i].text(), key.text()) << i;
    EXPECT_EQ(others[i].text().find(' '), std::string::npos);
    for (size_t j = 0; j < i; ++j) EXPECT_NE(others[i].text(), others[j].text()) << i << " " << j;
  }
}

TEST(GemmKey, AlignmentOfAnAddress) {
  const auto at = [](uintptr_t address) { return alignment_of(reinterpret_cast<const void*>(address)); };
  EXPECT_EQ(at(0), 16);
  EXPECT_EQ(at(256), 16);
  EXPECT_EQ(at(24), 8);
  EXPECT_EQ(at(20), 4);
  EXPECT_EQ(at(1026), 2);
}

TEST(Fastest, PrefersTheEarlierOfNearEqualsAndPassesOverFailures) {
  EXPECT_EQ(fastest(std::vector<double>{}), -1);
  EXPECT_EQ(fastest(std::vector<double>{0, 0}), -1);
  EXPECT_EQ(fastest(std::vector<double>{0, 9, 5, 7}), 2);
  EXPECT_EQ(fastest(std::vector<double>{10.1, 10}), 0);
  EXPECT_EQ(fastest(std::vector<double>{10.3, 10}), 1);
}

TEST(GemmChoicesPath, NamesCardAndVersion) {
  setenv("XDG_CACHE_HOME", "/cache", 1);
  EXPECT_EQ(gemm_choices_path("NVIDIA H100 80GB/x", "13.1.0"), "/cache/lorica/gemm-NVIDIA_H100_80GB_x-13.1.0.txt");
  unsetenv("XDG_CACHE_HOME");
}

}  // namespace
}  // namespace lorica
