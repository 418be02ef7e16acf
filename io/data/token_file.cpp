#include "io/data/token_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

#include "io/formats/content_hash.h"
#include "io/formats/file_bytes.h"
#include "kernels/error.h"

namespace lorica {
namespace {

using Json = nlohmann::json;
using Hash = std::array<char, 32>;

enum SectionIndex : size_t { kIds, kTrained, kDocuments, kPrints, kFacts, kSections };

struct Section {
  uint64_t offset = 0;
  uint64_t bytes = 0;
  Hash hash{};  // zeros: not hashed
};

struct Header {
  std::array<char, 8> magic = {'L', 'o', 'r', 'i', 'c', 'a', 'T', 'k'};
  uint32_t version = 1;
  uint32_t byte_order = 0x01020304;
  Hash key{};
  uint64_t file_bytes = 0;
  std::array<Section, kSections> sections;
  Hash hash{};  // of everything before it
};
static_assert(std::is_trivially_copyable_v<Header>);

constexpr size_t kHeaderBytes = 4096;
static_assert(sizeof(Header) <= kHeaderBytes);

Hash hash_bytes(std::string_view text) {
  Hash bytes{};
  std::memcpy(bytes.data(), text.data(), std::min(text.size(), bytes.size()));
  return bytes;
}

Hash hash_of(const Header& header) {
  return hash_bytes(content_hash({reinterpret_cast<const char*>(&header), offsetof(Header, hash)}));
}

constexpr size_t aligned(size_t offset) { return (offset + 63) / 64 * 64; }

template <class T>
std::span<const T> values_of(std::string_view bytes) {
  return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
}

Json facts_of(const ExampleSetBuilder& examples, const ReadSet& set) {
  const DataReport& r = set.data.report;
  Json findings = Json::array();
  for (const Finding& finding : set.findings.list())
    findings.push_back({static_cast<int>(finding.check), finding.file, finding.line, finding.message});
  return {{"report",
           {r.rows, r.examples, r.tokens, r.trained_tokens, r.longest, r.longest_row, r.left_out, r.dropped_faulty,
            r.dropped_long, r.truncated, r.split, r.trained_tokens_lost}},
          {"findings", std::move(findings)},
          {"counts", set.findings.counts()},
          {"files", examples.files()},
          {"slices", examples.slices()},
          {"hash", examples.hash()}};
}

DataReport report_of(const Json& facts) {
  const auto n = facts.at("report").get<std::array<int64_t, 12>>();
  return {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8], n[9], n[10], n[11]};
}

Findings findings_of(const Json& facts) {
  std::vector<Finding> list;
  for (const Json& entry : facts.at("findings")) {
    const int check = entry.at(0);
    if (check < 0 || check >= static_cast<int>(Check::kCount)) throw Error("an unknown check");
    list.push_back({static_cast<Check>(check), entry.at(1), entry.at(2), entry.at(3)});
  }
  return {std::move(list), facts.at("counts").get<Findings::Counts>()};
}

Header checked_header(std::string_view bytes, const std::string& key) {
  Header header;
  if (bytes.size() < kHeaderBytes) throw Error("it is cut short");
  std::memcpy(static_cast<void*>(&header), bytes.data(), sizeof header);
  const Header wanted;
  if (header.magic != wanted.magic || header.version != wanted.version || header.byte_order != wanted.byte_order)
    throw Error("it is no file of tokens of this version");
  if (header.hash != hash_of(header)) throw Error("its header is damaged");
  if (header.key != hash_bytes(key)) throw Error("it is of other data");
  if (header.file_bytes != bytes.size()) throw Error("it has {} bytes instead of {}", bytes.size(), header.file_bytes);
  for (const Section& section : header.sections) {
    if (section.offset > bytes.size() || section.bytes > bytes.size() - section.offset || section.offset % 64 != 0)
      throw Error("a section lies outside of it");
  }
  return header;
}

bool copy_file(int from, size_t bytes, int to, size_t offset, ContentHash& hash) {
  std::string buffer(size_t{1} << 20, '\0');
  for (size_t done = 0; done < bytes;) {
    const ssize_t n = ::pread(from, buffer.data(), std::min(buffer.size(), bytes - done), static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    const std::string_view part(buffer.data(), static_cast<size_t>(n));
    hash.add(part);
    if (!write_at(to, part, offset + done)) return false;
    done += part.size();
  }
  return true;
}

}  // namespace

ReadSet open_token_file(const std::filesystem::path& path, const std::string& key) {
  const auto file = std::make_shared<const MappedFile>(path);
  const Header header = checked_header(file->bytes(), key);
  const auto section = [&](SectionIndex index) {
    return file->bytes().substr(header.sections[index].offset, header.sections[index].bytes);
  };
  for (const SectionIndex index : {kDocuments, kPrints, kFacts}) {
    if (header.sections[index].hash != hash_bytes(content_hash(section(index))))
      throw Error("section {} is damaged", static_cast<int>(index));
  }
  file->release(section(kPrints));
  Json facts;
  auto names = std::make_shared<ExampleSet::Names>();
  ReadSet set;
  uint64_t hash = 0;
  try {
    const std::string_view bytes = section(kFacts);
    facts = Json::from_cbor(bytes.begin(), bytes.end());
    names->files = facts.at("files").get<std::vector<std::string>>();
    names->slices = facts.at("slices").get<std::vector<std::string>>();
    set.data.report = report_of(facts);
    set.findings = findings_of(facts);
    hash = facts.at("hash").get<uint64_t>();
  } catch (const Json::exception& failure) {
    throw Error("its facts cannot be read: {}", failure.what());
  }
  const ExampleSet::Columns columns{values_of<int32_t>(section(kIds)), values_of<uint8_t>(section(kTrained)),
                                    values_of<DocumentEntry>(section(kDocuments))};
  if (!columns_fit(columns, *names)) throw Error("its columns do not fit together");
  set.data.examples = ExampleSet(columns, std::move(names), file, hash);
  set.prints = values_of<RowPrint>(section(kPrints));
  set.owner = file;
  return set;
}

TokenFileWriter::TokenFileWriter(const std::filesystem::path& path) : path_(path) { prints_ = open_column(false, 0); }

TokenFileWriter::~TokenFileWriter() {
  if (!aside_.empty()) ::unlink(aside_.c_str());
}

void TokenFileWriter::warn(int reason) {
  if (std::exchange(warned_, true)) return;
  fmt::print(stderr, "token cache: {}: cannot write: {}; the tokens are kept in memory\n", path_.parent_path().string(),
             std::strerror(reason));
}

Column TokenFileWriter::open_column(bool lasting, size_t begin) {
  if (path_.empty() || warned_) return {};
  std::string name = path_.string() + ".XXXXXX.part";
  const int descriptor = ::mkostemps(name.data(), 5, O_CLOEXEC);  // of mode 0600
  if (descriptor < 0) {
    warn(errno);
    return {};
  }
  if (lasting) {
    aside_ = name;
  } else {
    ::unlink(name.c_str());
  }
  return {descriptor, begin, [this](int reason) { warn(reason); }};
}

ExampleSetBuilder::Columns TokenFileWriter::columns() {
  return {.ids = open_column(true, kHeaderBytes), .trained = open_column(false, 0), .documents = open_column(false, 0)};
}

bool TokenFileWriter::commit(const std::string& key, ExampleSetBuilder& examples, const ReadSet& set) {
  if (path_.empty()) return false;
  ExampleSetBuilder::Columns& columns = examples.columns();
  Column* const parts[] = {&columns.ids, &columns.trained, &columns.documents, &prints_};
  for (Column* part : parts) part->flush();
  for (const Column* part : parts) {
    if (!part->in_file()) return false;
  }
  const int file = columns.ids.descriptor();
  Header header;
  header.key = hash_bytes(key);
  header.sections[kIds] = {kHeaderBytes, columns.ids.size(), {}};
  size_t end = kHeaderBytes + columns.ids.size();
  for (const SectionIndex index : {kTrained, kDocuments, kPrints}) {
    ContentHash hash;
    const Section section{aligned(end), parts[index]->size(), {}};
    if (!copy_file(parts[index]->descriptor(), section.bytes, file, section.offset, hash)) return warn(errno), false;
    header.sections[index] = section;
    header.sections[index].hash = hash_bytes(hash.text());
    end = section.offset + section.bytes;
  }
  const std::vector<uint8_t> facts = Json::to_cbor(facts_of(examples, set));
  const std::string_view bytes(reinterpret_cast<const char*>(facts.data()), facts.size());
  header.sections[kFacts] = {aligned(end), bytes.size(), hash_bytes(content_hash(bytes))};
  header.file_bytes = header.sections[kFacts].offset + bytes.size();
  header.hash = hash_of(header);
  const std::string_view head(reinterpret_cast<const char*>(&header), sizeof header);
  // Synced before it has its name: after a power cut there must not be a file whose pages never reached the disk.
  if (!write_at(file, bytes, header.sections[kFacts].offset) || !write_at(file, head, 0) || ::fdatasync(file) != 0 ||
      ::rename(aside_.c_str(), path_.c_str()) != 0)
    return warn(errno), false;
  aside_.clear();
  return true;
}

}  // namespace lorica
