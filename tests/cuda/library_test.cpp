#include "kernels/cuda/library.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "kernels/error.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;

class Library : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("lorica_library_" + std::to_string(getpid()));
    for (const char* folder : {"chosen", "toolkit", "site/nvidia/cu13/lib", "site/nvidia/cublas/lib"})
      fs::create_directories(root_ / folder);
  }
  void TearDown() override { fs::remove_all(root_); }
  std::string put(const char* folder) {
    const fs::path file = root_ / folder / "libx.so.1";
    std::ofstream(file) << "not a library";
    return file;
  }
  fs::path root_;
};

TEST_F(Library, OrderOfPlaces) {
  const LibraryPlaces places{{root_ / "empty", root_ / "chosen"}, {root_ / "toolkit"}, {root_ / "site"}};
  EXPECT_EQ(places.candidates("libx.so.1"), std::vector<std::string>{"libx.so.1"});
  const std::string python = put("site/nvidia/cu13/lib"), older = put("site/nvidia/cublas/lib"),
                    toolkit = put("toolkit"), chosen = put("chosen");
  EXPECT_EQ(places.candidates("libx.so.1"), (std::vector<std::string>{chosen, "libx.so.1", toolkit, older, python}));
}

TEST_F(Library, AbsentAndBrokenAreOneLineWithThePlaces) {
  const std::string broken = put("toolkit");
  try {
    SharedLibrary("libx.so.1", {{}, {root_ / "toolkit"}, {}});
    FAIL();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_TRUE(text.starts_with("device: cuda: libx.so.1 was not found (")) << text;
    EXPECT_NE(text.find(broken), std::string::npos) << text;
    EXPECT_NE(text.find("LORICA_CUDA_LIBS"), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  }
}

TEST_F(Library, LoadsAndNamesTheFile) {
  const SharedLibrary maths("libm.so.6", {});
  EXPECT_NE(maths.path().find('/'), std::string::npos) << maths.path();
  double (*cosine)(double) = nullptr;
  maths.get("cos", cosine);
  EXPECT_EQ(cosine(0), 1);
  EXPECT_THROW(maths.get("no_such_function", cosine), Error);

  fs::copy_file(fs::canonical(maths.path()), root_ / "chosen/libz_of_mine.so");
  const SharedLibrary copy("libz_of_mine.so", {{root_ / "chosen"}, {}, {}});
  EXPECT_EQ(copy.path(), root_ / "chosen/libz_of_mine.so");
}

TEST_F(Library, PlacesComeFromTheEnvironment) {
  fs::create_directories(root_ / "lib/python3.11/site-packages");
  setenv("LORICA_CUDA_LIBS", "/a:/b", 1);
  setenv("CUDA_HOME", "/c", 1);
  setenv("VIRTUAL_ENV", root_.c_str(), 1);
  const LibraryPlaces places = LibraryPlaces::from_environment();
  for (const char* name : {"LORICA_CUDA_LIBS", "CUDA_HOME", "VIRTUAL_ENV"}) unsetenv(name);
  EXPECT_EQ(places.chosen, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(places.toolkit.front(), "/c/lib64");
  EXPECT_EQ(std::ranges::count(places.python, (root_ / "lib/python3.11/site-packages").string()), 1);
}

}  // namespace
}  // namespace lorica
