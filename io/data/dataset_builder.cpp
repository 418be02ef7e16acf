#include "io/data/dataset_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace lorica {
namespace {

int64_t trained_count(std::span<const uint8_t> trained) { return std::count(trained.begin(), trained.end(), 1); }

}  // namespace

void DatasetBuilder::keep(const ExampleView& example) {
  const auto tokens = static_cast<int64_t>(example.ids.size());
  report_.examples += 1;
  report_.tokens += tokens;
  report_.trained_tokens += example.label >= 0 ? 1 : trained_count(example.trained);
  report_.longest = std::max(report_.longest, tokens);
  examples_.append(example);
}

void DatasetBuilder::keep_pieces(const Example& row, TooLong policy) {
  const auto limit = static_cast<size_t>(max_tokens_);
  std::vector<uint8_t> trained = row.trained;
  for (size_t begin = 0; begin + 1 < row.ids.size(); begin += limit - 1) {
    const size_t count = std::min(limit, row.ids.size() - begin);
    trained[begin] = begin > 0 ? 0 : trained[begin];
    ExampleView piece = view_of(row);
    piece.ids = piece.ids.subspan(begin, count);
    piece.trained = std::span<const uint8_t>(trained).subspan(begin, count);
    if (trained_count(piece.trained) > 0) keep(piece);
    if (policy == TooLong::kTruncate) break;
  }
}

std::string DatasetBuilder::add(const Example& row, TooLong policy) {
  const auto tokens = static_cast<int64_t>(row.ids.size());
  report_.longest_row = std::max(report_.longest_row, tokens);
  if (tokens <= max_tokens_) {
    keep(view_of(row));
    return {};
  }
  const DataReport before = report_;
  if (policy != TooLong::kDrop) keep_pieces(row, policy);
  const int64_t made = report_.examples - before.examples;
  const int64_t lost = trained_count(row.trained) - (report_.trained_tokens - before.trained_tokens);
  report_.trained_tokens_lost += lost;
  std::string fate;
  if (made == 0) {
    report_.dropped_long += 1;
    fate = policy == TooLong::kDrop ? "dropped" : "dropped, nothing is trained within them";
  } else if (policy == TooLong::kTruncate) {
    report_.truncated += 1;
    fate = fmt::format("truncated, {} trained tokens lost", lost);
  } else {
    report_.split += 1;
    fate = made == 1 ? "one piece with all trained tokens kept" : fmt::format("split into {} examples", made);
  }
  return fmt::format("{} tokens, max_tokens is {}: {}", tokens, max_tokens_, fate);
}

std::string DatasetBuilder::add_input(const Example& row, int64_t whole_tokens) {
  report_.longest_row = std::max(report_.longest_row, whole_tokens);
  keep(view_of(row));
  if (whole_tokens <= max_tokens_) return {};
  report_.truncated += 1;
  return fmt::format("{} tokens, max_tokens is {}: truncated", whole_tokens, max_tokens_);
}

}  // namespace lorica
