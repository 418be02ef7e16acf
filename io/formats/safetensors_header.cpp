#include "io/formats/safetensors_header.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "io/formats/printable.h"
#include "io/formats/safetensors_dtype.h"

namespace lorica {
namespace {

constexpr std::string_view kMetadata = "__metadata__";

/// Listens to the JSON parser: { name: {dtype, shape: [..], data_offsets: [begin, end]}, "__metadata__": {key: text} }.
/// A document tree would drop the first of two equal keys without a word, and would build whatever nesting a file
/// holds.
class HeaderListener : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderListener(SafetensorsHeader& header, const std::string& origin) : header_(header), origin_(origin) {}

  bool null() override { return unexpected("null"); }
  bool boolean(bool value) override { return unexpected(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return unexpected(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return unexpected(text); }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (!numbers_) return unexpected(std::to_string(value));
    if (value > uint64_t{1} << 62) fail(fmt::format("{}: impossible value {}", field_, value));
    numbers_->push_back(static_cast<int64_t>(value));
    return true;
  }

  bool string(string_t& value) override {
    if (place_ == Place::metadata) {
      header_.metadata.emplace(field_, std::move(value));
      return true;
    }
    if (place_ != Place::tensor || field_ != "dtype" || numbers_)
      return unexpected(fmt::format("'{}'", printable(value)));
    entry_.dtype_name = std::move(value);
    return true;
  }

  bool start_object(size_t) override {
    if (place_ == Place::outside) {
      place_ = Place::top;
    } else if (place_ == Place::top) {
      place_ = field_ == kMetadata ? Place::metadata : Place::tensor;
      entry_ = SafetensorsEntry{};
      entry_.name = field_;
      offsets_.clear();
      fields_.clear();
    } else {
      return unexpected("an object");
    }
    return true;
  }

  bool key(string_t& name) override {
    if (place_ == Place::top && !names_.insert(name).second)
      throw Error("{}: tensor '{}': given twice", origin_, printable(name));
    if (place_ == Place::tensor && name != "dtype" && name != "shape" && name != "data_offsets")
      fail(fmt::format("unknown field '{}'", printable(name)));
    if (place_ != Place::top && !fields_.insert(name).second) fail(fmt::format("'{}' is given twice", printable(name)));
    field_ = name;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::tensor) finish_tensor();
    place_ = place_ == Place::top ? Place::outside : Place::top;
    return true;
  }

  bool start_array(size_t) override {
    if (place_ != Place::tensor || numbers_ || field_ == "dtype") return unexpected("an array");
    numbers_ = field_ == "shape" ? &entry_.sizes : &offsets_;
    return true;
  }
  bool end_array() override {
    numbers_ = nullptr;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception&) override {
    throw Error("{}: header: not valid JSON at byte {}", origin_, position);
  }

 private:
  enum class Place { outside, top, tensor, metadata };

  [[noreturn]] void fail(const std::string& problem) const {
    if (place_ == Place::metadata) throw Error("{}: __metadata__: {}", origin_, problem);
    throw Error("{}: tensor '{}': {}", origin_, printable(entry_.name), problem);
  }

  bool unexpected(const std::string& what) const {
    switch (place_) {
      case Place::outside:
        throw Error("{}: header: expected a JSON object, got {}", origin_, what);
      case Place::top:
        throw Error("{}: tensor '{}': expected an object, got {}", origin_, printable(field_), what);
      case Place::metadata:
        fail(fmt::format("'{}': expected a string, got {}", printable(field_), what));
      case Place::tensor:
        break;
    }
    const char* expected = field_ == "dtype" ? "a dtype" : "an array of integers that are not negative";
    fail(fmt::format("{}: expected {}, got {}", field_, expected, what));
  }

  void finish_tensor() {
    for (const char* field : {"dtype", "shape", "data_offsets"})
      if (!fields_.contains(field)) fail(fmt::format("{}: missing", field));
    if (offsets_.size() != 2 || offsets_[0] > offsets_[1])
      fail("data_offsets: expected [begin, end] with begin not after end");
    entry_.begin = static_cast<uint64_t>(offsets_[0]);
    entry_.end = static_cast<uint64_t>(offsets_[1]);

    const auto* dtype = std::find_if(std::begin(kSafetensorsDtypes), std::end(kSafetensorsDtypes),
                                     [&](const auto& known) { return known.name == entry_.dtype_name; });
    if (dtype == std::end(kSafetensorsDtypes)) fail(fmt::format("unknown dtype '{}'", printable(entry_.dtype_name)));
    entry_.dtype = dtype->dtype;

    // a size of zero makes the tensor empty, whatever the others are, but the product must not overflow on the way
    int64_t bits = dtype->bits;
    for (const int64_t size : entry_.sizes)
      if (__builtin_mul_overflow(bits, size, &bits)) fail("shape: its bytes overflow 64 bits");
    const auto bytes = static_cast<uint64_t>(bits) / 8;
    if (bits % 8 != 0) fail("shape: it does not fill whole bytes");
    if (entry_.end - entry_.begin != bytes)
      fail(fmt::format("{} [{}] needs {} bytes, data_offsets give {}", entry_.dtype_name, fmt::join(entry_.sizes, ", "),
                       bytes, entry_.end - entry_.begin));
    header_.entries.push_back(std::move(entry_));
  }

  SafetensorsHeader& header_;
  const std::string& origin_;
  Place place_ = Place::outside;
  std::string field_;
  SafetensorsEntry entry_;
  std::vector<int64_t> offsets_;
  std::vector<int64_t>* numbers_ = nullptr;  // the array being read
  std::unordered_set<std::string> names_, fields_;
};

}  // namespace

SafetensorsHeader read_safetensors_header(std::string_view json, const std::string& origin) {
  SafetensorsHeader header;
  HeaderListener listener(header, origin);
  nlohmann::json::sax_parse(json.begin(), json.end(), &listener);
  return header;
}

}  // namespace lorica
