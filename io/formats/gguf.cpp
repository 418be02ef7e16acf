#include "io/formats/gguf.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>

#include "io/formats/file_bytes.h"
#include "io/formats/printable.h"
#include "io/tokenizer/utf8.h"

static_assert(std::endian::native == std::endian::little, "GGUF is read in place");

namespace lorica {
namespace {

constexpr uint64_t kDefaultAlignment = 32;
constexpr uint64_t kMinEntryBytes = 8 + 4 + 1;       // key length, type, the smallest value
constexpr uint64_t kMinTensorBytes = 8 + 4 + 4 + 8;  // name length, rank, type, offset

constexpr std::string_view kValueNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                            "bool", "string", "array", "u64", "i64", "f64"};

constexpr GgmlBlock kBlocks[] = {
    {GgmlType::F32, "F32", 1, 4},
    {GgmlType::F16, "F16", 1, 2},
    {GgmlType::Q4_0, "Q4_0", 32, 18},
    {GgmlType::Q4_1, "Q4_1", 32, 20},
    {GgmlType::Q5_0, "Q5_0", 32, 22},
    {GgmlType::Q5_1, "Q5_1", 32, 24},
    {GgmlType::Q8_0, "Q8_0", 32, 34},
    {GgmlType::Q8_1, "Q8_1", 32, 36},
    {GgmlType::Q2_K, "Q2_K", 256, 84},
    {GgmlType::Q3_K, "Q3_K", 256, 110},
    {GgmlType::Q4_K, "Q4_K", 256, 144},
    {GgmlType::Q5_K, "Q5_K", 256, 176},
    {GgmlType::Q6_K, "Q6_K", 256, 210},
    {GgmlType::Q8_K, "Q8_K", 256, 292},
    {GgmlType::IQ2_XXS, "IQ2_XXS", 256, 66},
    {GgmlType::IQ2_XS, "IQ2_XS", 256, 74},
    {GgmlType::IQ3_XXS, "IQ3_XXS", 256, 98},
    {GgmlType::IQ1_S, "IQ1_S", 256, 50},
    {GgmlType::IQ4_NL, "IQ4_NL", 32, 18},
    {GgmlType::IQ3_S, "IQ3_S", 256, 110},
    {GgmlType::IQ2_S, "IQ2_S", 256, 82},
    {GgmlType::IQ4_XS, "IQ4_XS", 256, 136},
    {GgmlType::I8, "I8", 1, 1},
    {GgmlType::I16, "I16", 1, 2},
    {GgmlType::I32, "I32", 1, 4},
    {GgmlType::I64, "I64", 1, 8},
    {GgmlType::F64, "F64", 1, 8},
    {GgmlType::IQ1_M, "IQ1_M", 256, 56},
    {GgmlType::BF16, "BF16", 1, 2},
    {GgmlType::TQ1_0, "TQ1_0", 256, 54},
    {GgmlType::TQ2_0, "TQ2_0", 256, 66},
    {GgmlType::MXFP4, "MXFP4", 32, 17},
};

uint64_t fixed_size(GgufValueType type) {
  switch (type) {
    case GgufValueType::u8:
    case GgufValueType::i8:
    case GgufValueType::boolean:
      return 1;
    case GgufValueType::u16:
    case GgufValueType::i16:
      return 2;
    case GgufValueType::u32:
    case GgufValueType::i32:
    case GgufValueType::f32:
      return 4;
    case GgufValueType::u64:
    case GgufValueType::i64:
    case GgufValueType::f64:
      return 8;
    default:
      return 0;
  }
}

template <class T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// A value of fixed size; the type is one of those with a fixed_size().
GgufValue decode(GgufValueType type, const char* from) {
  switch (type) {
    case GgufValueType::u8:
      return uint64_t{load<uint8_t>(from)};
    case GgufValueType::i8:
      return int64_t{load<int8_t>(from)};
    case GgufValueType::u16:
      return uint64_t{load<uint16_t>(from)};
    case GgufValueType::i16:
      return int64_t{load<int16_t>(from)};
    case GgufValueType::u32:
      return uint64_t{load<uint32_t>(from)};
    case GgufValueType::i32:
      return int64_t{load<int32_t>(from)};
    case GgufValueType::f32:
      return double{load<float>(from)};
    case GgufValueType::u64:
      return load<uint64_t>(from);
    case GgufValueType::i64:
      return load<int64_t>(from);
    case GgufValueType::f64:
      return load<double>(from);
    default:
      return load<uint8_t>(from) != 0;
  }
}

/// Takes values off the front of the file; `what` is the place that a message names.
class Reader {
 public:
  Reader(std::string_view bytes, const std::string& origin) : bytes_(bytes), origin_(origin) {}

  std::string what = "header";
  uint64_t position() const { return at_; }
  uint64_t left() const { return bytes_.size() - at_; }

  [[noreturn]] void fail(const std::string& problem) const { throw Error("{}: {}: {}", origin_, what, problem); }

  std::string_view take(uint64_t n) {
    if (n > left())
      fail(fmt::format("the file ends at byte {}, {} more bytes were expected", bytes_.size(), n - left()));
    const std::string_view result = bytes_.substr(at_, n);
    at_ += n;
    return result;
  }
  template <class T>
  T number() {
    return load<T>(take(sizeof(T)).data());
  }
  std::string_view string() { return take(number<uint64_t>()); }
  /// A count of things of at least `min_bytes` each: refused before memory is set aside for it.
  uint64_t count(uint64_t min_bytes, const char* of) {
    const auto n = number<uint64_t>();
    if (n > left() / min_bytes) fail(fmt::format("{} {} do not fit in the {} bytes left", n, of, left()));
    return n;
  }

 private:
  std::string_view bytes_;
  const std::string& origin_;
  uint64_t at_ = 0;
};

GgufValueType read_type(Reader& reader) {
  const auto type = reader.number<uint32_t>();
  if (type >= std::size(kValueNames)) reader.fail(fmt::format("unknown value type {}", type));
  return static_cast<GgufValueType>(type);
}

GgufArray read_array(Reader& reader) {
  GgufArray array;
  array.type = read_type(reader);
  if (array.type == GgufValueType::array) reader.fail("arrays of arrays are not supported");
  if (array.type == GgufValueType::string) {
    array.count = reader.count(sizeof(uint64_t), "strings");
    array.strings.reserve(array.count);
    for (uint64_t i = 0; i < array.count; ++i) array.strings.push_back(reader.string());
    return array;
  }
  array.count = reader.count(fixed_size(array.type), "array elements");
  array.raw = reader.take(array.count * fixed_size(array.type));
  return array;
}

GgufEntry read_entry(Reader& reader) {
  reader.what = "metadata";
  std::string key(reader.string());
  reader.what = fmt::format("metadata '{}'", printable(key));
  if (key.empty() || !utf8::is_valid(key)) reader.fail("the key is empty or not UTF-8");
  const GgufValueType type = read_type(reader);
  switch (type) {
    case GgufValueType::string:
      return {std::move(key), type, reader.string()};
    case GgufValueType::array:
      return {std::move(key), type, read_array(reader)};
    default:
      return {std::move(key), type, decode(type, reader.take(fixed_size(type)).data())};
  }
}

/// The tensor without its bytes, and the offset that the file gives.
std::pair<GgufTensor, uint64_t> read_tensor_info(Reader& reader) {
  reader.what = "tensor list";
  GgufTensor tensor;
  tensor.name = reader.string();
  reader.what = fmt::format("tensor '{}'", printable(tensor.name));
  if (tensor.name.empty() || !utf8::is_valid(tensor.name)) reader.fail("the name is empty or not UTF-8");
  const auto rank = reader.number<uint32_t>();
  if (rank < 1 || rank > Shape::kMaxRank) reader.fail(fmt::format("{} dimensions, expected 1 to 4", rank));
  int64_t sizes[Shape::kMaxRank];
  int64_t elements = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    const auto size = reader.number<uint64_t>();
    if (size == 0 || size > uint64_t{1} << 62 ||
        __builtin_mul_overflow(elements, static_cast<int64_t>(size), &elements))
      reader.fail(fmt::format("impossible size {} of dimension {}", size, i));
    sizes[rank - 1 - i] = static_cast<int64_t>(size);  // the file lists the innermost first
  }
  tensor.shape = rank == 1   ? Shape{sizes[0]}
                 : rank == 2 ? Shape{sizes[0], sizes[1]}
                 : rank == 3 ? Shape{sizes[0], sizes[1], sizes[2]}
                             : Shape{sizes[0], sizes[1], sizes[2], sizes[3]};
  const auto type = reader.number<uint32_t>();
  tensor.block = ggml_block(static_cast<GgmlType>(type));
  if (!tensor.block) reader.fail(fmt::format("unknown tensor type {}", type));
  if (tensor.shape[-1] % tensor.block->elements != 0)
    reader.fail(fmt::format("rows of {} values are not whole blocks of {} ({})", tensor.shape[-1],
                            tensor.block->elements, tensor.block->name));
  return {std::move(tensor), reader.number<uint64_t>()};
}

uint64_t alignment_of(const GgufFile& file) {
  const int64_t alignment = file.integer("general.alignment", kDefaultAlignment);
  if (alignment <= 0 || alignment % 8 != 0 || alignment > 1 << 30)
    throw Error("{}: metadata 'general.alignment': expected a positive multiple of 8, got {}", file.origin(),
                alignment);
  return static_cast<uint64_t>(alignment);
}

std::string kind_of(const GgufEntry& entry) {
  if (const auto* array = std::get_if<GgufArray>(&entry.value))
    return fmt::format("an array of {} {}", array->count, name_of(array->type));
  return std::string(name_of(entry.type));
}

std::optional<int64_t> as_integer(const GgufValue& value) {
  if (const auto* v = std::get_if<int64_t>(&value)) return *v;
  const auto* u = std::get_if<uint64_t>(&value);
  if (u && *u <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return static_cast<int64_t>(*u);
  return std::nullopt;
}

}  // namespace

std::string_view name_of(GgufValueType type) { return kValueNames[static_cast<size_t>(type)]; }

const GgmlBlock* ggml_block(GgmlType type) {
  const auto* found =
      std::find_if(std::begin(kBlocks), std::end(kBlocks), [&](const auto& b) { return b.type == type; });
  return found == std::end(kBlocks) ? nullptr : found;
}

GgufFile::GgufFile(const std::filesystem::path& path)
    : file_(std::make_unique<MappedFile>(path)), origin_(path.string()), bytes_(file_->bytes()) {
  parse();
}

GgufFile::GgufFile(std::string_view bytes, std::string origin) : origin_(std::move(origin)), bytes_(bytes) { parse(); }

GgufFile::~GgufFile() = default;
GgufFile::GgufFile(GgufFile&&) noexcept = default;

void GgufFile::parse() {
  Reader reader(bytes_, origin_);
  if (bytes_.substr(0, 4) != "GGUF") throw Error("{}: not a GGUF file (it does not start with 'GGUF')", origin_);
  reader.take(4);
  version_ = reader.number<uint32_t>();
  if (version_ != 0 && (version_ & 0xffff) == 0) reader.fail("a big-endian GGUF file, only little-endian is supported");
  if (version_ != 2 && version_ != 3) reader.fail(fmt::format("GGUF version {}, supported are 2 and 3", version_));
  const auto tensor_count = reader.count(kMinTensorBytes, "tensors");
  const auto entry_count = reader.count(kMinEntryBytes, "metadata entries");

  metadata_.reserve(entry_count);
  for (uint64_t i = 0; i < entry_count; ++i) {
    metadata_.push_back(read_entry(reader));
    if (!entry_of_.emplace(metadata_.back().key, i).second) reader.fail("given twice");
  }
  tensors_.reserve(tensor_count);
  std::vector<uint64_t> offsets;
  offsets.reserve(tensor_count);
  for (uint64_t i = 0; i < tensor_count; ++i) {
    auto [tensor, offset] = read_tensor_info(reader);
    tensors_.push_back(std::move(tensor));
    offsets.push_back(offset);
    if (!tensor_of_.emplace(tensors_.back().name, i).second) reader.fail("given twice");
  }
  check_tensors(reader.position(), offsets);
}

void GgufFile::check_tensors(uint64_t data_begin, const std::vector<uint64_t>& offsets) {
  if (tensors_.empty()) return;
  const uint64_t alignment = alignment_of(*this);
  const uint64_t begin = (data_begin + alignment - 1) / alignment * alignment;
  const uint64_t room = begin <= bytes_.size() ? bytes_.size() - begin : 0;
  for (size_t i = 0; i < tensors_.size(); ++i) {
    GgufTensor& tensor = tensors_[i];
    const auto fail = [&](const std::string& problem) {
      throw Error("{}: tensor '{}': {}", origin_, printable(tensor.name), problem);
    };
    uint64_t bytes = 0;
    const auto blocks = static_cast<uint64_t>(tensor.shape.elements() / tensor.block->elements);
    if (__builtin_mul_overflow(blocks, static_cast<uint64_t>(tensor.block->bytes), &bytes)) fail("impossible size");
    if (offsets[i] % alignment != 0)
      fail(fmt::format("offset {} is not a multiple of the alignment {}", offsets[i], alignment));
    if (offsets[i] > room || bytes > room - offsets[i])
      fail(fmt::format("its {} bytes at offset {} end outside the file's {} bytes of data", bytes, offsets[i], room));
    tensor.bytes = bytes_.substr(begin + offsets[i], bytes);
  }
  std::vector<const GgufTensor*> order;
  for (const GgufTensor& tensor : tensors_) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->bytes.data() < b->bytes.data(); });
  for (size_t i = 1; i < order.size(); ++i)
    if (order[i - 1]->bytes.data() + order[i - 1]->bytes.size() > order[i]->bytes.data())
      throw Error("{}: tensor '{}': overlaps tensor '{}'", origin_, printable(order[i]->name),
                  printable(order[i - 1]->name));
}

const GgufTensor* GgufFile::find_tensor(std::string_view name) const {
  const auto found = tensor_of_.find(name);
  return found == tensor_of_.end() ? nullptr : &tensors_[found->second];
}

const GgufEntry* GgufFile::find(std::string_view key) const {
  const auto found = entry_of_.find(key);
  return found == entry_of_.end() ? nullptr : &metadata_[found->second];
}

const GgufEntry& GgufFile::expect(std::string_view key) const {
  if (const GgufEntry* entry = find(key)) return *entry;
  throw Error("{}: metadata '{}': missing", origin_, printable(key));
}

int64_t GgufFile::integer(std::string_view key) const {
  const GgufEntry& entry = expect(key);
  if (const auto value = as_integer(entry.value)) return *value;
  throw Error("{}: metadata '{}': expected an integer, got {}", origin_, printable(key), kind_of(entry));
}

int64_t GgufFile::integer(std::string_view key, int64_t fallback) const {
  return contains(key) ? integer(key) : fallback;
}

double GgufFile::number(std::string_view key) const {
  const GgufEntry& entry = expect(key);
  if (const auto* value = std::get_if<double>(&entry.value)) return *value;
  if (const auto value = as_integer(entry.value)) return static_cast<double>(*value);
  throw Error("{}: metadata '{}': expected a number, got {}", origin_, printable(key), kind_of(entry));
}

std::string_view GgufFile::text(std::string_view key) const {
  const GgufEntry& entry = expect(key);
  if (const auto* value = std::get_if<std::string_view>(&entry.value)) return *value;
  throw Error("{}: metadata '{}': expected a string, got {}", origin_, printable(key), kind_of(entry));
}

bool GgufFile::flag(std::string_view key, bool fallback) const {
  const GgufEntry* entry = find(key);
  if (!entry) return fallback;
  if (const auto* value = std::get_if<bool>(&entry->value)) return *value;
  throw Error("{}: metadata '{}': expected a bool, got {}", origin_, printable(key), kind_of(*entry));
}

const std::vector<std::string_view>& GgufFile::strings(std::string_view key) const {
  const GgufEntry& entry = expect(key);
  const auto* array = std::get_if<GgufArray>(&entry.value);
  if (array && array->type == GgufValueType::string) return array->strings;
  throw Error("{}: metadata '{}': expected an array of strings, got {}", origin_, printable(key), kind_of(entry));
}

std::vector<int64_t> GgufFile::integers(std::string_view key) const {
  const GgufEntry& entry = expect(key);
  const auto* array = std::get_if<GgufArray>(&entry.value);
  std::vector<int64_t> result;
  for (uint64_t i = 0; array && i < array->count && array->type != GgufValueType::string; ++i) {
    const auto value = as_integer(decode(array->type, array->raw.data() + i * fixed_size(array->type)));
    if (!value) break;
    result.push_back(*value);
  }
  if (array && array->type != GgufValueType::string && result.size() == array->count) return result;
  throw Error("{}: metadata '{}': expected an array of integers, got {}", origin_, printable(key), kind_of(entry));
}

std::vector<float> GgufFile::floats(std::string_view key) const {
  const GgufEntry& entry = expect(key);
  const auto* array = std::get_if<GgufArray>(&entry.value);
  if (!array || array->type != GgufValueType::f32)
    throw Error("{}: metadata '{}': expected an array of f32, got {}", origin_, printable(key), kind_of(entry));
  std::vector<float> result(array->count);
  if (array->count > 0) std::memcpy(result.data(), array->raw.data(), array->count * sizeof(float));
  return result;
}

}  // namespace lorica
