#include "io/formats/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "io/formats/file_bytes.h"
#include "io/formats/printable.h"
#include "io/formats/safetensors_header.h"

static_assert(std::endian::native == std::endian::little, "safetensors data is read in place");

namespace lorica {
namespace {

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kLongestHeader = 100'000'000;

}  // namespace

int64_t SafetensorsEntry::elements() const {
  int64_t n = 1;
  for (const int64_t size : sizes) n *= size;
  return n;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : file_(std::make_unique<MappedFile>(path)), origin_(path.string()), bytes_(file_->bytes()) {
  parse();
}

SafetensorsFile::SafetensorsFile(std::string_view bytes, std::string origin)
    : origin_(std::move(origin)), bytes_(bytes) {
  parse();
}

SafetensorsFile::~SafetensorsFile() = default;

void SafetensorsFile::parse() {
  if (bytes_.size() < kLengthBytes)
    throw Error("{}: {} bytes, too short for a safetensors file", origin_, bytes_.size());
  uint64_t length = 0;
  std::memcpy(&length, bytes_.data(), kLengthBytes);
  if (length > kLongestHeader)
    throw Error("{}: header of {} bytes, at most {} are allowed (is this a safetensors file?)", origin_, length,
                kLongestHeader);
  if (length > bytes_.size() - kLengthBytes)
    throw Error("{}: header of {} bytes, but the file has {} (cut short?)", origin_, length, bytes_.size());
  SafetensorsHeader header = read_safetensors_header(bytes_.substr(kLengthBytes, length), origin_);
  data_ = bytes_.substr(kLengthBytes + length);
  entries_ = std::move(header.entries);
  metadata_ = std::move(header.metadata);

  std::vector<const SafetensorsEntry*> order;
  for (const SafetensorsEntry& entry : entries_) {
    entry_of_.emplace(entry.name, order.size());
    order.push_back(&entry);
  }
  std::sort(order.begin(), order.end(),
            [](auto* a, auto* b) { return std::pair(a->begin, a->end) < std::pair(b->begin, b->end); });
  uint64_t end = 0;
  for (const SafetensorsEntry* entry : order) {
    const auto fail = [&](const std::string& problem) {
      throw Error("{}: tensor '{}': {}", origin_, printable(entry->name), problem);
    };
    if (entry->end > data_.size())
      fail(fmt::format("data_offsets end at {}, but the file has {} bytes of data (cut short?)", entry->end,
                       data_.size()));
    if (entry->begin < end) fail(fmt::format("its data overlaps that of another tensor (byte {})", entry->begin));
    if (entry->begin > end) fail(fmt::format("a gap of {} bytes lies before its data", entry->begin - end));
    end = entry->end;
  }
  if (end != data_.size())
    throw Error("{}: {} bytes after the last tensor belong to none", origin_, data_.size() - end);
}

const SafetensorsEntry* SafetensorsFile::find(std::string_view name) const {
  const auto found = entry_of_.find(name);
  return found == entry_of_.end() ? nullptr : &entries_[found->second];
}

const void* SafetensorsFile::aligned(const SafetensorsEntry& entry, const char* data) const {
  if (reinterpret_cast<uintptr_t>(data) % size_of(*entry.dtype) == 0) return data;
  const std::lock_guard lock(copies_mutex_);
  auto& copy = copies_[&entry];
  if (!copy) {
    copy = std::make_unique<std::byte[]>(std::max<uint64_t>(entry.end - entry.begin, 1));
    std::memcpy(copy.get(), data, entry.end - entry.begin);
  }
  return copy.get();
}

In SafetensorsFile::tensor(std::string_view name) const {
  const SafetensorsEntry* entry = find(name);
  if (!entry) throw Error("{}: tensor '{}': missing", origin_, printable(name));
  if (!entry->dtype)
    throw Error("{}: tensor '{}': dtype {} is not supported", origin_, printable(name), entry->dtype_name);
  const std::vector<int64_t>& n = entry->sizes;
  Shape shape;
  switch (n.size()) {
    case 0:
      shape = {1};
      break;
    case 1:
      shape = {n[0]};
      break;
    case 2:
      shape = {n[0], n[1]};
      break;
    case 3:
      shape = {n[0], n[1], n[2]};
      break;
    case 4:
      shape = {n[0], n[1], n[2], n[3]};
      break;
    default:
      throw Error("{}: tensor '{}': {} dimensions, at most 4 are supported", origin_, printable(name), n.size());
  }
  return {aligned(*entry, data_.data() + entry->begin), shape, *entry->dtype};
}

void SafetensorsFile::done_with(std::string_view name) const {
  const SafetensorsEntry* entry = find(name);
  if (file_ && entry) file_->release(data_.substr(entry->begin, entry->end - entry->begin));
}

}  // namespace lorica
