#include "io/data/example_set.h"

#include <cassert>

namespace lorica {
namespace {

/// The columns of a set that is held in memory.
struct Memory {
  ExampleSetBuilder::Columns columns;
};

template <class T>
std::span<const T> values_of(const Column& column) {
  const std::string_view bytes = column.memory();
  return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
}

}  // namespace

ExampleSet::ExampleSet(Columns columns, std::shared_ptr<const Names> names, std::shared_ptr<const void> owner,
                       uint64_t hash)
    : columns_(columns), names_(std::move(names)), owner_(std::move(owner)), hash_(hash) {
  assert(columns_fit(columns_, *names_));
}

ExampleView ExampleSet::operator[](size_t index) const {
  const DocumentEntry& entry = columns_.documents[index];
  const auto begin = static_cast<size_t>(entry.begin);
  const size_t count = end_of(index) - begin;
  return {.ids = columns_.ids.subspan(begin, count),
          .trained = columns_.trained.subspan(begin, count),
          .file = names_->files[static_cast<size_t>(entry.file)],
          .line = entry.line,
          .slice = names_->slices[static_cast<size_t>(entry.slice)],
          .label = entry.label,
          .source = entry.source};
}

bool columns_fit(const ExampleSet::Columns& columns, const ExampleSet::Names& names) {
  if (columns.ids.size() != columns.trained.size()) return false;
  const auto within = [](int32_t index, const std::vector<std::string>& table) {
    return index >= 0 && static_cast<size_t>(index) < table.size();
  };
  int64_t before = 0;
  for (const DocumentEntry& entry : columns.documents) {
    if (entry.begin < before || static_cast<uint64_t>(entry.begin) > columns.ids.size()) return false;
    if (!within(entry.file, names.files) || !within(entry.slice, names.slices)) return false;
    if (entry.source < 0 || entry.label < -1) return false;
    before = entry.begin;
  }
  return columns.documents.empty() ? columns.ids.empty() : columns.documents.front().begin == 0;
}

int32_t NameTable::number(std::string_view name) {
  if (last_ >= 0 && names_[static_cast<size_t>(last_)] == name) return last_;
  const auto found = numbers_.find(name);
  if (found != numbers_.end()) return last_ = found->second;
  last_ = static_cast<int32_t>(names_.size());
  names_.emplace_back(name);
  numbers_.emplace(names_.back(), last_);
  return last_;
}

void ExampleSetBuilder::append(const ExampleView& example) {
  assert(example.ids.size() == example.trained.size());
  const DocumentEntry entry{.begin = tokens_,
                            .line = example.line,
                            .file = files_.number(example.file),
                            .slice = slices_.number(example.slice),
                            .label = example.label,
                            .source = example.source};
  columns_.documents.append(&entry, sizeof entry);
  columns_.ids.append(example.ids.data(), example.ids.size_bytes());
  columns_.trained.append(example.trained.data(), example.trained.size());
  tokens_ += static_cast<int64_t>(example.ids.size());
  // FNV-1a, word by word.
  const auto mix = [&](uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3u; };
  mix(example.ids.size());
  for (size_t i = 0; i < example.ids.size(); ++i) mix(static_cast<uint64_t>(example.ids[i]) * 2 + example.trained[i]);
  if (example.label >= 0) mix(static_cast<uint64_t>(example.label));
}

ExampleSet ExampleSetBuilder::finish() {
  for (Column* column : {&columns_.ids, &columns_.trained, &columns_.documents}) column->to_memory();
  const auto memory = std::make_shared<const Memory>(Memory{std::move(columns_)});
  const ExampleSet::Columns columns{values_of<int32_t>(memory->columns.ids),
                                    values_of<uint8_t>(memory->columns.trained),
                                    values_of<DocumentEntry>(memory->columns.documents)};
  return {columns, std::make_shared<const ExampleSet::Names>(ExampleSet::Names{files_.names(), slices_.names()}),
          memory, hash_};
}

ExampleSet example_set(std::span<const Example> examples) {
  ExampleSetBuilder builder;
  for (const Example& example : examples) builder.append(view_of(example));
  return builder.finish();
}

}  // namespace lorica
