#include "io/formats/gguf.h"

#include <gtest/gtest.h>

#include "io/formats/file_bytes.h"
#include "io/formats/gguf_dequant.h"
#include "tests/io/formats_support.h"

namespace lorica {
namespace {

using test::error_of;
using test::GgufBuilder;
using test::raw;

std::string open_error(const std::string& bytes) {
  return error_of([&] { GgufFile(bytes, "m.gguf"); });
}

TEST(Gguf, ReadsMetadataOfEveryType) {
  const std::string bytes =
      GgufBuilder()
          .entry("u8", 0, raw<uint8_t>(200))
          .entry("i8", 1, raw<int8_t>(-3))
          .entry("u16", 2, raw<uint16_t>(60000))
          .entry("i16", 3, raw<int16_t>(-5))
          .u32("u32", 4000000000u)
          .entry("i32", 5, raw<int32_t>(-6))
          .f32("f32", 0.5f)
          .flag("bool", true)
          .string("string", "text")
          .strings("strings", {"a", "", "bc"})
          .entry("array", 9, raw<uint32_t>(5) + raw<uint64_t>(2) + raw<int32_t>(7) + raw<int32_t>(-8))
          .entry("u64", 10, raw<uint64_t>(~uint64_t{0}))
          .entry("i64", 11, raw<int64_t>(-9))
          .entry("f64", 12, raw<double>(0.1))
          .bytes();
  const GgufFile file(bytes, "m.gguf");
  EXPECT_EQ(file.integer("u8"), 200);
  EXPECT_EQ(file.integer("i8"), -3);
  EXPECT_EQ(file.integer("u16"), 60000);
  EXPECT_EQ(file.integer("i16"), -5);
  EXPECT_EQ(file.integer("u32"), 4000000000);
  EXPECT_EQ(file.integer("i32"), -6);
  EXPECT_EQ(file.number("f32"), 0.5);
  EXPECT_TRUE(file.flag("bool", false));
  EXPECT_FALSE(file.flag("absent", false));
  EXPECT_EQ(file.text("string"), "text");
  EXPECT_EQ(file.strings("strings"), (std::vector<std::string_view>{"a", "", "bc"}));
  EXPECT_EQ(file.integers("array"), (std::vector<int64_t>{7, -8}));
  EXPECT_EQ(file.integer("i64"), -9);
  EXPECT_EQ(file.number("f64"), 0.1);
  EXPECT_EQ(file.integer("absent", 4), 4);
  EXPECT_EQ(error_of([&] { file.integer("absent"); }), "m.gguf: metadata 'absent': missing");
  EXPECT_EQ(error_of([&] { file.integer("u64"); }), "m.gguf: metadata 'u64': expected an integer, got u64");
  EXPECT_EQ(error_of([&] { file.integer("f32"); }), "m.gguf: metadata 'f32': expected an integer, got f32");
  EXPECT_EQ(error_of([&] { file.number("string"); }), "m.gguf: metadata 'string': expected a number, got string");
  EXPECT_EQ(error_of([&] { file.text("u8"); }), "m.gguf: metadata 'u8': expected a string, got u8");
  EXPECT_EQ(error_of([&] { file.flag("u8", true); }), "m.gguf: metadata 'u8': expected a bool, got u8");
  EXPECT_EQ(error_of([&] { file.strings("array"); }),
            "m.gguf: metadata 'array': expected an array of strings, got an array of 2 i32");
  EXPECT_EQ(error_of([&] { file.integers("strings"); }),
            "m.gguf: metadata 'strings': expected an array of integers, got an array of 3 string");
}

TEST(Gguf, ReadsTensors) {
  const std::string one(24 * 4, 'x'), two(2 * 34, 'y');
  for (const uint32_t version : {2u, 3u}) {
    GgufBuilder builder;
    builder.version = version;
    const std::string bytes = builder.tensor("a", {4, 3, 2}, 0, one).tensor("b", {32, 2}, 8, two).bytes();
    const GgufFile file(bytes, "m.gguf");
    EXPECT_EQ(file.version(), version);
    EXPECT_EQ(file.find_tensor("a")->shape, (Shape{2, 3, 4}));
    EXPECT_EQ(file.find_tensor("a")->bytes, one);
    EXPECT_EQ(file.find_tensor("b")->block->name, "Q8_0");
    EXPECT_EQ(file.find_tensor("b")->bytes, two);
    EXPECT_EQ(file.find_tensor("c"), nullptr);
  }
  GgufBuilder wide;
  wide.alignment = 64;
  const std::string bytes =
      wide.u32("general.alignment", 64).tensor("a", {24}, 0, one).tensor("b", {8}, 0, std::string(32, 'z')).bytes();
  EXPECT_EQ(GgufFile(bytes, "m.gguf").find_tensor("b")->bytes, std::string(32, 'z'));
}

TEST(Gguf, RefusesOtherFilesAndVersions) {
  EXPECT_EQ(open_error(""), "m.gguf: not a GGUF file (it does not start with 'GGUF')");
  EXPECT_EQ(open_error("GGUF"), "m.gguf: header: the file ends at byte 4, 4 more bytes were expected");
  GgufBuilder builder;
  builder.version = 1;
  EXPECT_EQ(open_error(builder.bytes()), "m.gguf: header: GGUF version 1, supported are 2 and 3");
  builder.version = 0x03000000;
  EXPECT_EQ(open_error(builder.bytes()), "m.gguf: header: a big-endian GGUF file, only little-endian is supported");
}

TEST(Gguf, RefusesCountsAndLengthsBeyondTheFile) {
  const std::string start = "GGUF" + raw<uint32_t>(3);
  EXPECT_EQ(open_error(start + raw<uint64_t>(1) + raw<uint64_t>(0)),
            "m.gguf: header: 1 tensors do not fit in the 8 bytes left");
  EXPECT_EQ(open_error(start + raw<uint64_t>(0) + raw(~uint64_t{0})),
            "m.gguf: header: 18446744073709551615 metadata entries do not fit in the 0 bytes left");
  EXPECT_EQ(open_error(GgufBuilder().entry("k", 8, raw<uint64_t>(uint64_t{1} << 63)).bytes()).substr(0, 37),
            "m.gguf: metadata 'k': the file ends a");
  EXPECT_EQ(open_error(GgufBuilder().entry("k", 9, raw<uint32_t>(10) + raw<uint64_t>(uint64_t{1} << 61)).bytes())
                .substr(0, 56),
            "m.gguf: metadata 'k': 2305843009213693952 array elements");
  EXPECT_EQ(open_error(GgufBuilder().entry("k", 9, raw<uint32_t>(8) + raw<uint64_t>(uint64_t{1} << 61)).bytes())
                .substr(0, 49),
            "m.gguf: metadata 'k': 2305843009213693952 strings");
  EXPECT_EQ(open_error(GgufBuilder()
                           .entry("k", 9, raw<uint32_t>(9) + raw<uint64_t>(1) + raw<uint32_t>(0) + raw<uint64_t>(0))
                           .bytes()),
            "m.gguf: metadata 'k': arrays of arrays are not supported");
  EXPECT_EQ(open_error(GgufBuilder().entry("k", 13, raw<uint32_t>(1)).bytes()),
            "m.gguf: metadata 'k': unknown value type 13");
  EXPECT_EQ(open_error(GgufBuilder().u32("k", 1).u32("k", 2).bytes()), "m.gguf: metadata 'k': given twice");
  EXPECT_EQ(open_error(GgufBuilder().u32("", 1).bytes()), "m.gguf: metadata '': the key is empty or not UTF-8");
}

TEST(Gguf, AnyCutFileIsAnError) {
  const std::string whole =
      GgufBuilder().string("k", "v").strings("l", {"a"}).tensor("t", {8}, 0, std::string(32, 'x')).bytes();
  EXPECT_EQ(open_error(whole), "no error");
  for (size_t n = 0; n < whole.size(); ++n) {
    const std::string cut = whole.substr(0, n);
    EXPECT_NE(open_error(cut), "no error") << n;
  }
}

TEST(Gguf, RefusesDamagedTensors) {
  const std::string data(128, 'x');
  const auto tensor_error = [&](const std::vector<uint64_t>& ne, uint32_t type, int64_t offset = -1) {
    const std::string message = open_error(GgufBuilder().tensor("t", ne, type, data, offset).bytes());
    const std::string place = "m.gguf: tensor 't': ";
    return message.starts_with(place) ? message.substr(place.size()) : message;
  };
  EXPECT_EQ(tensor_error({32}, 0), "no error");
  EXPECT_EQ(tensor_error({}, 0), "0 dimensions, expected 1 to 4");
  EXPECT_EQ(tensor_error({1, 1, 1, 1, 1}, 0), "5 dimensions, expected 1 to 4");
  EXPECT_EQ(tensor_error({0}, 0), "impossible size 0 of dimension 0");
  EXPECT_EQ(tensor_error({uint64_t{1} << 40, uint64_t{1} << 40}, 0), "impossible size 1099511627776 of dimension 1");
  EXPECT_EQ(tensor_error({~uint64_t{0}}, 0), "impossible size 18446744073709551615 of dimension 0");
  EXPECT_EQ(tensor_error({uint64_t{1} << 62}, 0), "impossible size");
  EXPECT_EQ(tensor_error({32}, 4), "unknown tensor type 4");
  EXPECT_EQ(tensor_error({33}, 2), "rows of 33 values are not whole blocks of 32 (Q4_0)");
  EXPECT_EQ(tensor_error({33}, 0), "its 132 bytes at offset 0 end outside the file's 128 bytes of data");
  EXPECT_EQ(tensor_error({8}, 0, 128), "its 32 bytes at offset 128 end outside the file's 128 bytes of data");
  EXPECT_EQ(tensor_error({8}, 0, 8), "offset 8 is not a multiple of the alignment 32");
  EXPECT_EQ(tensor_error({8}, 0, int64_t{1} << 62),
            "its 32 bytes at offset 4611686018427387904 end outside the file's 128 bytes of data");
  EXPECT_EQ(open_error(GgufBuilder().tensor("t", {32}, 0, data).tensor("u", {8}, 0, data, 96).bytes()),
            "m.gguf: tensor 'u': overlaps tensor 't'");
  EXPECT_EQ(open_error(GgufBuilder().tensor("t", {32}, 0, data).tensor("t", {8}, 0, data).bytes()),
            "m.gguf: tensor 't': given twice");
  EXPECT_EQ(open_error(GgufBuilder().u32("general.alignment", 12).tensor("t", {8}, 0, data).bytes()),
            "m.gguf: metadata 'general.alignment': expected a positive multiple of 8, got 12");
}

TEST(GgufDequant, AgreesWithThePythonPackageBitForBit) {
  for (const GgmlType type :
       {GgmlType::F32, GgmlType::F16, GgmlType::BF16, GgmlType::Q8_0, GgmlType::Q4_0, GgmlType::Q4_1, GgmlType::Q5_0,
        GgmlType::Q5_1, GgmlType::Q2_K, GgmlType::Q3_K, GgmlType::Q4_K, GgmlType::Q5_K, GgmlType::Q6_K}) {
    ASSERT_TRUE(can_dequantize(type));
    const GgmlBlock& block = *ggml_block(type);
    const std::string bytes = read_file(TEST_DATA "/gguf/" + std::string(block.name) + ".bin");
    uint32_t n = 0;
    std::memcpy(&n, bytes.data(), 4);
    const size_t block_bytes = n / static_cast<size_t>(block.elements) * static_cast<size_t>(block.bytes);
    ASSERT_EQ(bytes.size(), 4 + block_bytes + 4 * size_t{n});
    std::vector<float> want(n), got(n);
    std::memcpy(want.data(), bytes.data() + 4 + block_bytes, 4 * size_t{n});
    dequantize(type, bytes.data() + 4, n, got.data());
    for (size_t i = 0; i < n; ++i)
      ASSERT_EQ(std::bit_cast<uint32_t>(got[i]), std::bit_cast<uint32_t>(want[i])) << block.name << " value " << i;
  }
  EXPECT_FALSE(can_dequantize(GgmlType::IQ2_XS));
}

}  // namespace
}  // namespace lorica
