#include "io/data/batches.h"

#include <algorithm>
#include <cassert>
#include <numeric>
#include <utility>

#include "kernels/error.h"
#include "kernels/philox.h"

namespace lorica {
namespace {

/// Keeps the draws for the order apart from other uses of the same seed.
constexpr uint64_t kOrderKey = 0x65706F63684F7264;

/// A uniform integer in [0, bound): the high half of a 128-bit product, so that no modulo favours small values.
uint64_t uniform_below(uint64_t bound, uint64_t seed, uint64_t stream, uint64_t index) {
  const auto words = philox(seed ^ kOrderKey, stream, index);
  __extension__ using Wide = unsigned __int128;
  const uint64_t random = (uint64_t{words[1]} << 32) | words[0];
  return static_cast<uint64_t>((Wide{random} * bound) >> 64);
}

void append(Batch& batch, const Example& example, int64_t index) {
  const auto start = static_cast<int32_t>(batch.ids.size());
  const auto count = static_cast<int32_t>(example.ids.size());
  if (batch.cu_seqlens.empty()) batch.cu_seqlens.push_back(0);
  for (int32_t i = 0; i < count; ++i) {
    const auto at = static_cast<size_t>(i);
    batch.ids.push_back(example.ids[at]);
    batch.positions.push_back(i);
    if (example.label < 0 && i + 1 < count && example.trained[at + 1] != 0) {
      batch.rows.push_back(start + i);
      batch.targets.push_back(example.ids[at + 1]);
    }
  }
  if (example.label >= 0) {
    batch.rows.push_back(start + count - 1);
    batch.targets.push_back(example.label);
  }
  batch.cu_seqlens.push_back(start + count);
  batch.examples.push_back(index);
}

Batch make_batch(const std::vector<Example>& examples, const std::vector<int64_t>& members) {
  Batch batch;
  for (const int64_t index : members) append(batch, examples[static_cast<size_t>(index)], index);
  return batch;
}

void check_examples(const std::vector<Example>& examples) {
  for (const Example& example : examples) {
    if (example.ids.empty()) throw Error("{}:{}: the example has no tokens", example.file, example.line);
    assert(example.ids.size() == example.trained.size());
  }
}

}  // namespace

std::vector<int64_t> epoch_order(int64_t count, const BatchOptions& options, int64_t epoch) {
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::iota(order.begin(), order.end(), int64_t{0});
  if (!options.shuffle) return order;
  for (uint64_t i = order.size(); i-- > 1;) {
    const uint64_t j = uniform_below(i + 1, options.seed, static_cast<uint64_t>(epoch), i);
    std::swap(order[i], order[j]);
  }
  return order;
}

BatchPlanner::BatchPlanner(const std::vector<Example>& examples, BatchOptions options)
    : examples_(examples), options_(options) {
  if (examples.empty()) throw Error("there are no examples to train on");
  check_examples(examples);
  if (options.tokens_per_step < 0 || options.examples_per_step < 0 ||
      (options.tokens_per_step > 0) == (options.examples_per_step > 0)) {
    throw Error("a step needs a positive size in tokens or in examples, and not both: got {} tokens, {} examples",
                options.tokens_per_step, options.examples_per_step);
  }
  if (options.micro_batch_tokens < 1) {
    throw Error("micro_batch_tokens: expected a positive number, got {}", options.micro_batch_tokens);
  }
  start_epoch(0);
  // Whether a first step is full does not depend on the order: it is short only where it holds all documents.
  bool full = true;
  step_end(order_, 0, full);
  if (options.drop_last && !full) {
    throw Error("drop_last: all {} examples together do not fill one step", examples.size());
  }
}

void BatchPlanner::start_epoch(int64_t epoch) {
  cursor_ = {epoch, 0};
  order_ = epoch_order(static_cast<int64_t>(examples_.size()), options_, epoch);
}

/// The end of the step that starts at `begin`; `full` is false where the documents ran out before it was.
int64_t BatchPlanner::step_end(const std::vector<int64_t>& order, int64_t begin, bool& full) const {
  const auto count = static_cast<int64_t>(order.size());
  if (options_.examples_per_step > 0) {
    full = options_.examples_per_step <= count - begin;
    return full ? begin + options_.examples_per_step : count;
  }
  int64_t end = begin;
  int64_t tokens = 0;
  while (end < count) {
    const int64_t next = length(order[static_cast<size_t>(end)]);
    if (end > begin && tokens + next > options_.tokens_per_step) break;
    tokens += next;
    ++end;
  }
  full = end < count || tokens >= options_.tokens_per_step;
  return end;
}

/// At the end of an epoch, or before a last step that is left out, moves on to the next one.
void BatchPlanner::leave_finished_epoch() {
  const auto count = static_cast<int64_t>(order_.size());
  bool full = true;
  if (cursor_.index < count) step_end(order_, cursor_.index, full);
  if (cursor_.index >= count || (options_.drop_last && !full)) start_epoch(cursor_.epoch + 1);
}

std::vector<Batch> BatchPlanner::next_step() {
  leave_finished_epoch();
  bool full = true;
  const int64_t end = step_end(order_, cursor_.index, full);
  std::vector<int64_t> members(order_.begin() + cursor_.index, order_.begin() + end);
  cursor_.index = end;
  leave_finished_epoch();

  std::stable_sort(members.begin(), members.end(), [&](int64_t a, int64_t b) { return length(a) > length(b); });
  std::vector<std::vector<int64_t>> bins;
  std::vector<int64_t> room;
  for (const int64_t example : members) {
    const auto fits = std::find_if(room.begin(), room.end(), [&](int64_t left) { return length(example) <= left; });
    const auto bin = static_cast<size_t>(fits - room.begin());
    if (fits == room.end()) {
      bins.emplace_back();
      room.push_back(options_.micro_batch_tokens);
    }
    bins[bin].push_back(example);
    room[bin] -= length(example);
  }
  std::vector<Batch> batches;
  for (const auto& bin : bins) batches.push_back(make_batch(examples_, bin));
  return batches;
}

void BatchPlanner::seek(Cursor cursor) {
  if (cursor.epoch < 0 || cursor.index < 0 || cursor.index > static_cast<int64_t>(examples_.size())) {
    throw Error(
        "the data cursor (epoch {}, index {}) lies outside the {} examples: the data changed since it was saved",
        cursor.epoch, cursor.index, examples_.size());
  }
  start_epoch(cursor.epoch);
  cursor_.index = cursor.index;
  leave_finished_epoch();
}

double BatchPlanner::epoch() const {
  return static_cast<double>(cursor_.epoch) +
         static_cast<double>(cursor_.index) / static_cast<double>(examples_.size());
}

int64_t BatchPlanner::steps_in_epoch(int64_t epoch) const {
  const std::vector<int64_t> order =
      epoch == cursor_.epoch ? order_ : epoch_order(static_cast<int64_t>(examples_.size()), options_, epoch);
  int64_t steps = 0;
  for (int64_t at = 0; at < static_cast<int64_t>(order.size());) {
    bool full = true;
    at = step_end(order, at, full);
    steps += full || !options_.drop_last ? 1 : 0;
  }
  return steps;
}

std::vector<Batch> evaluation_batches(const std::vector<Example>& examples, int64_t micro_batch_tokens) {
  if (micro_batch_tokens < 1) {
    throw Error("micro_batch_tokens: expected a positive number, got {}", micro_batch_tokens);
  }
  check_examples(examples);
  std::vector<Batch> batches;
  for (size_t i = 0; i < examples.size(); ++i) {
    const auto limit = static_cast<size_t>(micro_batch_tokens);
    if (batches.empty() || batches.back().ids.size() + examples[i].ids.size() > limit) batches.emplace_back();
    append(batches.back(), examples[i], static_cast<int64_t>(i));
  }
  return batches;
}

int64_t trained_tokens(const std::vector<Batch>& step) {
  int64_t count = 0;
  for (const Batch& batch : step) count += static_cast<int64_t>(batch.rows.size());
  return count;
}

}  // namespace lorica
