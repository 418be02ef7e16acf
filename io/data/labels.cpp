#include "io/data/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "io/data/rows.h"
#include "io/formats/edit_distance.h"
#include "io/formats/printable.h"

namespace lorica {
namespace {

std::optional<int64_t> integer_of(std::string_view text) {
  int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, value);
  return failure == std::errc() && rest == end ? std::optional(value) : std::nullopt;
}

}  // namespace

std::vector<std::string> ordered_labels(std::vector<std::string> labels) {
  std::sort(labels.begin(), labels.end());
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  if (std::all_of(labels.begin(), labels.end(), [](const auto& label) { return integer_of(label).has_value(); }))
    std::stable_sort(labels.begin(), labels.end(),
                     [](const auto& a, const auto& b) { return *integer_of(a) < *integer_of(b); });
  return labels;
}

std::vector<std::string> labels_in(const std::vector<DataSource>& sources) {
  std::map<std::string, int> seen;
  for (const DataSource& source : sources)
    for (const auto& file : source.files)
      read_rows(file, source, [&](Row&& row) {
        if (!row.label.empty()) seen.try_emplace(std::move(row.label));
      });
  std::vector<std::string> labels;
  for (const auto& [label, unused] : seen) labels.push_back(label);
  return ordered_labels(std::move(labels));
}

LabelIndex::LabelIndex(const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i) numbers_.emplace(names[i], static_cast<int32_t>(i));
}

int32_t LabelIndex::find(const std::string& name) const {
  const auto found = numbers_.find(name);
  return found == numbers_.end() ? -1 : found->second;
}

std::string LabelIndex::complaint(std::string_view name) const {
  constexpr size_t kLongest = 60;  // longer names resemble none, and the distance is quadratic
  std::string text =
      fmt::format("label '{}': not one of the {} classes", printable(name.substr(0, kLongest)), numbers_.size());
  if (name.size() > kLongest || numbers_.empty()) return text;
  size_t best = SIZE_MAX;
  std::string_view nearest;
  for (const auto& [known, number] : numbers_) {
    const size_t distance = edit_distance(name, std::string_view(known).substr(0, 2 * kLongest));
    if (distance < best) best = distance, nearest = known;
  }
  return text + fmt::format("; the nearest is '{}'", printable(nearest));
}

std::vector<int32_t> encode_input(const TextTokenizer& tokenizer, std::string_view text, int64_t max_tokens,
                                  int64_t& whole) {
  std::vector<int32_t> ids = tokenizer.encode(text, true);
  whole = static_cast<int64_t>(ids.size());
  if (whole <= max_tokens) return ids;
  const std::vector<int32_t> plain = tokenizer.encode(text, false);
  const auto inside = std::search(ids.begin(), ids.end(), plain.begin(), plain.end());
  const auto end = inside == ids.end() ? ids.end() : inside + static_cast<std::ptrdiff_t>(plain.size());
  ids.erase(end - static_cast<std::ptrdiff_t>(whole - max_tokens), end);
  return ids;
}

}  // namespace lorica
