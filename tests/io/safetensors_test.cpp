#include "io/formats/safetensors.h"

#include <gtest/gtest.h>

#include <fstream>

#include "io/formats/file_bytes.h"
#include "io/formats/safetensors_folder.h"
#include "io/formats/safetensors_write.h"
#include "tests/io/formats_support.h"

namespace lorica {
namespace {

using test::error_of;
using test::safetensors_bytes;
using test::TempFolder;

std::string open_error(const std::string& bytes) {
  return error_of([&] { SafetensorsFile(bytes, "m.safetensors"); });
}
std::string header_error(const std::string& header, size_t data_bytes = 0) {
  return open_error(safetensors_bytes(header, data_bytes));
}

TEST(Safetensors, ReadsAFileWrittenByPython) {
  const SafetensorsFile file(TEST_DATA "/safetensors/python.safetensors");
  EXPECT_EQ(file.entries().size(), 9u);
  EXPECT_EQ(file.metadata().at("format"), "np");
  EXPECT_EQ(file.metadata().at("note"), "naïve “quotes”");

  const In scalar = file.tensor("scalar");
  EXPECT_TRUE(file.find("scalar")->sizes.empty());
  EXPECT_EQ(scalar.shape, (Shape{1}));
  EXPECT_EQ(scalar.as<float>()[0], 2.5f);
  const In half = file.tensor("half");
  EXPECT_EQ(half.shape, (Shape{1, 3}));
  EXPECT_EQ(static_cast<float>(half.as<f16>()[1]), -2.0f);
  EXPECT_EQ(file.tensor("wide").as<double>()[0], 1e300);
  EXPECT_EQ(file.tensor("ids").as<int64_t>()[1], int64_t{1} << 40);
  EXPECT_EQ(file.tensor("bytes").as<uint8_t>()[4], 4);
  EXPECT_EQ(static_cast<const uint8_t*>(file.tensor("mask").data)[0], 1);
  EXPECT_EQ(file.tensor("mask").dtype, Dtype::boolean);
  EXPECT_EQ(file.tensor("empty").shape, (Shape{0, 3}));
  EXPECT_EQ(file.tensor("empty").elements(), 0);
}

TEST(Safetensors, RefusesOnlyTheTensorThatItCannotHold) {
  const SafetensorsFile file(TEST_DATA "/safetensors/python.safetensors");
  EXPECT_EQ(file.find("unsigned")->dtype_name, "U32");
  const std::string path = file.origin();
  EXPECT_EQ(error_of([&] { file.tensor("unsigned"); }), path + ": tensor 'unsigned': dtype U32 is not supported");
  EXPECT_EQ(error_of([&] { file.tensor("five"); }), path + ": tensor 'five': 5 dimensions, at most 4 are supported");
  EXPECT_EQ(error_of([&] { file.tensor("nope"); }), path + ": tensor 'nope': missing");
}

TEST(Safetensors, RefusesDamagedLengths) {
  EXPECT_EQ(open_error("1234567"), "m.safetensors: 7 bytes, too short for a safetensors file");
  EXPECT_EQ(open_error(test::raw<uint64_t>(100'000'001) + "{}"),
            "m.safetensors: header of 100000001 bytes, at most 100000000 are allowed (is this a safetensors file?)");
  EXPECT_EQ(open_error(test::raw<uint64_t>(3) + "{}"),
            "m.safetensors: header of 3 bytes, but the file has 10 (cut short?)");
  EXPECT_EQ(open_error(test::raw(~uint64_t{0}) + "{}").substr(0, 44), "m.safetensors: header of 1844674407370955161");
  EXPECT_EQ(header_error("{}", 5), "m.safetensors: 5 bytes after the last tensor belong to none");
  EXPECT_EQ(header_error("{}"), "no error");
}

TEST(Safetensors, RefusesDamagedJson) {
  EXPECT_EQ(header_error(""), "m.safetensors: header: not valid JSON at byte 1");
  EXPECT_EQ(header_error("{\"a\":"), "m.safetensors: header: not valid JSON at byte 6");
  EXPECT_EQ(header_error("[]"), "m.safetensors: header: expected a JSON object, got an array");
  EXPECT_EQ(header_error("null"), "m.safetensors: header: expected a JSON object, got null");
  EXPECT_EQ(header_error("{} {}"), "m.safetensors: header: not valid JSON at byte 4");
  EXPECT_EQ(header_error("{\"a\":3}"), "m.safetensors: tensor 'a': expected an object, got 3");
  EXPECT_EQ(header_error("{\"a\xff\":3}"), "m.safetensors: header: not valid JSON at byte 4");
}

TEST(Safetensors, RefusesKeysGivenTwice) {
  const std::string x = R"("x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  EXPECT_EQ(header_error("{" + x + "}", 1), "no error");
  EXPECT_EQ(header_error("{" + x + "," + x + "}", 1), "m.safetensors: tensor 'x': given twice");
  EXPECT_EQ(header_error(R"({"x":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1),
            "m.safetensors: tensor 'x': 'dtype' is given twice");
  EXPECT_EQ(header_error(R"({"__metadata__":{"a":"1","a":"2"}})"), "m.safetensors: __metadata__: 'a' is given twice");
  EXPECT_EQ(header_error(R"({"__metadata__":{},"__metadata__":{}})"),
            "m.safetensors: tensor '__metadata__': given twice");
  EXPECT_EQ(header_error(R"({"__metadata__":{"a":1}})"), "m.safetensors: __metadata__: 'a': expected a string, got 1");
}

TEST(Safetensors, RefusesDamagedFields) {
  const auto tensor_error = [](const std::string& fields, size_t data_bytes = 0) {
    const std::string message = header_error("{\"x\":{" + fields + "}}", data_bytes);
    const std::string place = "m.safetensors: tensor 'x': ";
    return message.starts_with(place) ? message.substr(place.size()) : message;
  };
  const std::string integers = "expected an array of integers that are not negative, got ";
  EXPECT_EQ(tensor_error(R"("dtype":"F31","shape":[1],"data_offsets":[0,4])", 4), "unknown dtype 'F31'");
  EXPECT_EQ(tensor_error(R"("dtype":3,"shape":[1],"data_offsets":[0,4])", 4), "dtype: expected a dtype, got 3");
  EXPECT_EQ(tensor_error(R"("shape":[1],"data_offsets":[0,4])", 4), "dtype: missing");
  EXPECT_EQ(tensor_error(R"("dtype":"F32","data_offsets":[0,4])", 4), "shape: missing");
  EXPECT_EQ(tensor_error(R"("dtype":"F32","shape":[1])", 4), "data_offsets: missing");
  EXPECT_EQ(tensor_error(R"("dtype":"F32","shape":1,"data_offsets":[0,4])", 4), "shape: " + integers + "1");
  EXPECT_EQ(tensor_error(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])", 4), "shape: " + integers + "-1");
  EXPECT_EQ(tensor_error(R"("dtype":"F32","shape":[1],"data_offsets":[0,4.0])", 4),
            "data_offsets: " + integers + "4.0");
  EXPECT_EQ(tensor_error(R"("dtype":"F32","shape":[1],"data_offsets":["0",4])", 4),
            "data_offsets: " + integers + "'0'");
  EXPECT_EQ(tensor_error(R"("dtype":"F32","shape":[[1]],"data_offsets":[0,4])", 4), "shape: " + integers + "an array");
  EXPECT_EQ(tensor_error(R"("dtype":"F32","shape":{},"data_offsets":[0,4])", 4), "shape: " + integers + "an object");
  EXPECT_EQ(tensor_error(R"("dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615])", 4),
            "data_offsets: impossible value 18446744073709551615");
  EXPECT_EQ(tensor_error(R"("dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999])", 4),
            "data_offsets: " + integers + "99999999999999999999");
  const std::string pair = "data_offsets: expected [begin, end] with begin not after end";
  EXPECT_EQ(tensor_error(R"("dtype":"F32","shape":[1],"data_offsets":[0,4,8])", 8), pair);
  EXPECT_EQ(tensor_error(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])", 4), pair);
  EXPECT_EQ(tensor_error(R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"y":1)", 4), "unknown field 'y'");
  EXPECT_EQ(tensor_error(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])", 4),
            "F32 [2] needs 8 bytes, data_offsets give 4");
  EXPECT_EQ(tensor_error(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4])", 4),
            "shape: its bytes overflow 64 bits");
  EXPECT_EQ(tensor_error(R"("dtype":"F4","shape":[3],"data_offsets":[0,1])", 1), "shape: it does not fill whole bytes");
}

TEST(Safetensors, RefusesOverlapsGapsAndWhatLiesOutside) {
  const auto two = [](int begin, int end) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[)" +
           std::to_string(end - begin) + "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) +
           "]}}";
  };
  EXPECT_EQ(header_error(two(4, 8), 8), "no error");
  EXPECT_EQ(header_error(two(3, 8), 8), "m.safetensors: tensor 'b': its data overlaps that of another tensor (byte 3)");
  EXPECT_EQ(header_error(two(5, 8), 8), "m.safetensors: tensor 'b': a gap of 1 bytes lies before its data");
  EXPECT_EQ(header_error(two(4, 9), 8),
            "m.safetensors: tensor 'b': data_offsets end at 9, but the file has 8 bytes of data (cut short?)");
}

TEST(Safetensors, CopiesATensorThatTheFileDoesNotAlign) {
  std::string header = R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  while ((header.size() + 8) % 4 != 1) header += ' ';
  alignas(8) char memory[128];
  const float values[] = {1.5f, -3};
  std::string bytes = safetensors_bytes(header, 8);
  std::memcpy(bytes.data() + bytes.size() - 8, values, 8);
  std::memcpy(memory, bytes.data(), bytes.size());
  const SafetensorsFile file({memory, bytes.size()}, "m.safetensors");
  const In x = file.tensor("x");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(x.data) % 4, 0u);
  EXPECT_EQ(x.as<float>()[0], 1.5f);
  EXPECT_EQ(x.as<float>()[1], -3.0f);
  EXPECT_EQ(file.tensor("x").data, x.data);
}

TEST(Safetensors, WritesWhatPythonWrote) {
  // the same tensors, metadata and order must give the same data and the same views
  const TempFolder folder;
  const SafetensorsFile source(TEST_DATA "/safetensors/llama_adapter.safetensors");
  std::vector<TensorToWrite> tensors;
  for (const auto& entry : source.entries()) tensors.push_back({entry.name, source.tensor(entry.name)});
  write_safetensors(folder / "m.safetensors", tensors, source.metadata());
  const SafetensorsFile copy(folder / "m.safetensors");
  EXPECT_EQ(copy.metadata(), source.metadata());
  ASSERT_EQ(copy.entries().size(), source.entries().size());
  for (const auto& entry : source.entries()) {
    const In a = source.tensor(entry.name), b = copy.tensor(entry.name);
    ASSERT_EQ(a.shape, b.shape);
    EXPECT_EQ(std::memcmp(a.data, b.data, static_cast<size_t>(a.bytes())), 0) << entry.name;
  }
  EXPECT_EQ(read_file(folder / "m.safetensors"), read_file(TEST_DATA "/safetensors/llama_adapter.safetensors"));
}

TEST(Safetensors, WritesPiecesAndAlignsEachTensor) {
  const TempFolder folder;
  const uint8_t bytes[3] = {1, 2, 3};
  const int64_t rows = 3000, columns = 1000;  // more than one piece
  const auto fill = [&](int64_t first, int64_t n, void* to) {
    for (int64_t i = 0; i < n * columns; ++i) static_cast<float*>(to)[i] = static_cast<float>(first * columns + i);
  };
  write_safetensors(folder / "m.safetensors", {{"small", In(bytes, {3}, Dtype::u8)},
                                               {"big \"quoted\"\n", In(nullptr, {rows, columns}, Dtype::f32), fill},
                                               {"none", In(nullptr, {0, 4}, Dtype::f32), fill}});
  const SafetensorsFile file(folder / "m.safetensors");
  EXPECT_EQ(file.entries()[0].begin, 0u);
  uint64_t header = 0;
  std::memcpy(&header, read_file(folder / "m.safetensors").data(), 8);
  EXPECT_EQ(header % 8, 0u);
  const In big = file.tensor("big \"quoted\"\n");
  for (int64_t i = 0; i < big.elements(); i += 997) ASSERT_EQ(big.as<float>()[i], static_cast<float>(i));
  EXPECT_EQ(file.tensor("small").as<uint8_t>()[2], 3);
  EXPECT_FALSE(std::filesystem::exists(folder / "m.safetensors.part"));
  EXPECT_EQ(error_of([&] {
              write_safetensors("m", {{"a", In(bytes, {3}, Dtype::u8)}, {"a", In(bytes, {3}, Dtype::u8)}});
            }),
            "m: tensor 'a': given twice or a reserved name");
}

TEST(Safetensors, FullDiskIsARunErrorThatLeavesNothing) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "needs the device /dev/full";
  const TempFolder folder;
  std::filesystem::create_symlink("/dev/full", folder / "m.safetensors.part");
  const float one = 1;
  const std::string path = folder / "m.safetensors";
  try {
    write_safetensors(path, {{"x", In(&one, {1}, Dtype::f32)}});
    FAIL() << "no error";
  } catch (const RunError& error) {
    EXPECT_EQ(error.what(), path + ": cannot write: No space left on device");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  const std::string nowhere = folder / "no";
  EXPECT_EQ(error_of([&] {
              write_safetensors(nowhere + "/m", {{"x", In(&one, {1}, Dtype::f32)}});
            }),
            nowhere + "/m: cannot create: No such file or directory");
}

class Shards : public testing::Test {
 protected:
  Shards() {
    const float values[] = {1, 2};
    write_safetensors(folder / "s1.safetensors", {{"a", In(values, {1}, Dtype::f32)}});
    write_safetensors(folder / "s2.safetensors", {{"b", In(values + 1, {1}, Dtype::f32)}});
  }
  void index(const std::string& text) { std::ofstream(folder / "model.safetensors.index.json") << text; }
  std::string error() {
    return error_of([&] { SafetensorsFolder source(folder.path()); });
  }
  TempFolder folder;
  std::string index_path = folder / "model.safetensors.index.json";
};

TEST_F(Shards, ReadsThroughTheIndex) {
  index(
      R"({"metadata":{"total_size":8,"x":[{"weight_map":{}}]},"weight_map":{"b":"s2.safetensors","a":"s1.safetensors"}})");
  const SafetensorsFolder source(folder.path());
  EXPECT_EQ(source.names(), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(source.tensor("a").as<float>()[0], 1.0f);
  EXPECT_EQ(source.tensor("b").as<float>()[0], 2.0f);
  EXPECT_TRUE(source.contains("a"));
  EXPECT_FALSE(source.contains("c"));
  EXPECT_EQ(error_of([&] { source.tensor("c"); }), folder.path().string() + ": tensor 'c': missing");
}

TEST_F(Shards, ChecksTheIndex) {
  EXPECT_EQ(error(), folder.path().string() + ": has neither model.safetensors nor model.safetensors.index.json");
  index(R"({"weight_map":{"a":"s1.safetensors","b":"s3.safetensors"}})");
  EXPECT_EQ(error(), index_path + ": tensor 'b': shard 's3.safetensors' is missing");
  index(R"({"weight_map":{"a":"s2.safetensors"}})");
  EXPECT_EQ(error(), index_path + ": tensor 'a': missing in its shard 's2.safetensors'");
  index(R"({"weight_map":{"a":"../s1.safetensors"}})");
  EXPECT_EQ(error(), index_path + ": tensor 'a': shard '../s1.safetensors' is not the name of a file in the folder");
  index(R"({"weight_map":{"a":"/etc/passwd"}})");
  EXPECT_EQ(error(), index_path + ": tensor 'a': shard '/etc/passwd' is not the name of a file in the folder");
  index(R"({"weight_map":{"a":"s1.safetensors","a":"s2.safetensors"}})");
  EXPECT_EQ(error(), index_path + ": tensor 'a': given twice");
  index(R"({"weight_map":{"a":3}})");
  EXPECT_EQ(error(), index_path + ": tensor 'a': expected the name of a shard");
  index(R"({"metadata":{}})");
  EXPECT_EQ(error(), index_path + ": weight_map: missing");
  index(R"([])");
  EXPECT_EQ(error(), index_path + ": expected a JSON object");
  index(R"({"weight_map":)");
  EXPECT_EQ(error(), index_path + ": not valid JSON at byte 15");
}

}  // namespace
}  // namespace lorica
