#include "io/data/batches.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kernels/error.h"
#include "kernels/philox.h"

namespace lorica {
namespace {

/// Keep the draws apart from each other and from other uses of the same seed.
constexpr uint64_t kOrderKey = 0x65706F63684F7264;
constexpr uint64_t kWeightKey = 0x776569676874;

/// A uniform integer in [0, bound): the high half of a 128-bit product, so that no modulo favours small values.
uint64_t uniform_below(uint64_t bound, uint64_t key, uint64_t stream, uint64_t index) {
  const auto words = philox(key, stream, index);
  __extension__ using Wide = unsigned __int128;
  const uint64_t random = (uint64_t{words[1]} << 32) | words[0];
  return static_cast<uint64_t>((Wide{random} * bound) >> 64);
}

double weight_of(const BatchOptions& options, size_t source) {
  return source < options.source_weights.size() ? options.source_weights[source] : 1.0;
}

std::vector<uint64_t> documents_by_source(const ExampleSet& examples) {
  std::vector<uint64_t> counts;
  for (size_t i = 0; i < examples.size(); ++i) {
    const auto source = static_cast<size_t>(examples.source(i));
    if (source >= counts.size()) counts.resize(source + 1);
    ++counts[source];
  }
  return counts;
}

/// How many documents of each source the fraction of its weight adds to an epoch. A share that is no whole number is
/// rounded up as often as makes the average right.
std::vector<uint64_t> documents_to_draw(const std::vector<uint64_t>& counts, const BatchOptions& options,
                                        int64_t epoch) {
  std::vector<uint64_t> draws;
  for (size_t source = 0; source < counts.size(); ++source) {
    const double weight = weight_of(options, source);
    const double share = (weight - std::floor(weight)) * static_cast<double>(counts[source]);
    const auto whole = static_cast<uint64_t>(share);
    constexpr uint64_t kOne = uint64_t{1} << 53;
    const uint64_t chance =
        uniform_below(kOne, options.seed ^ kWeightKey, static_cast<uint64_t>(epoch), ~static_cast<uint64_t>(source));
    const bool up = static_cast<double>(chance) < (share - std::floor(share)) * static_cast<double>(kOne);
    draws.push_back(whole + (up ? 1 : 0));
  }
  return draws;
}

/// The documents of an epoch before they are shuffled: as often as all of their source are, then those that are drawn.
std::vector<int64_t> documents_of_epoch(const ExampleSet& examples, const BatchOptions& options, int64_t epoch) {
  std::vector<uint64_t> left = documents_by_source(examples);
  std::vector<uint64_t> draws = documents_to_draw(left, options, epoch);
  std::vector<int64_t> documents;
  for (double round = 1, most = 1; round <= most; ++round) {
    for (size_t i = 0; i < examples.size(); ++i) {
      const double weight = weight_of(options, static_cast<size_t>(examples.source(i)));
      if (weight >= round) documents.push_back(static_cast<int64_t>(i));
      most = std::max(most, std::floor(weight));
    }
  }
  if (std::all_of(draws.begin(), draws.end(), [](uint64_t count) { return count == 0; })) return documents;
  for (size_t i = 0; i < examples.size(); ++i) {  // each document with the chance (still to draw) / (still to come)
    const auto source = static_cast<size_t>(examples.source(i));
    if (uniform_below(left[source]--, options.seed ^ kWeightKey, static_cast<uint64_t>(epoch), i) >= draws[source])
      continue;
    --draws[source];
    documents.push_back(static_cast<int64_t>(i));
  }
  return documents;
}

void append(Batch& batch, const ExampleView& example, int64_t index) {
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

Batch make_batch(const ExampleSet& examples, const std::vector<int64_t>& members) {
  Batch batch;
  for (const int64_t index : members) append(batch, examples[static_cast<size_t>(index)], index);
  return batch;
}

void check_examples(const ExampleSet& examples) {
  for (size_t i = 0; i < examples.size(); ++i) {
    if (examples.length(i) > 0) continue;
    throw Error("{}:{}: the example has no tokens", examples[i].file, examples[i].line);
  }
}

void check_weights(const ExampleSet& examples, const BatchOptions& options) {
  const std::vector<uint64_t> counts = documents_by_source(examples);
  double documents = 0;
  for (size_t source = 0; source < counts.size(); ++source)
    documents += weight_of(options, source) * static_cast<double>(counts[source]);
  if (documents < 1) throw Error("the weights of the sources leave {:.3g} documents for an epoch", documents);
}

}  // namespace

std::vector<int64_t> epoch_order(const ExampleSet& examples, const BatchOptions& options, int64_t epoch) {
  std::vector<int64_t> order = documents_of_epoch(examples, options, epoch);
  if (!options.shuffle) return order;
  for (uint64_t i = order.size(); i-- > 1;) {
    const uint64_t j = uniform_below(i + 1, options.seed ^ kOrderKey, static_cast<uint64_t>(epoch), i);
    std::swap(order[i], order[j]);
  }
  return order;
}

BatchPlanner::BatchPlanner(ExampleSet examples, BatchOptions options)
    : examples_(std::move(examples)), options_(std::move(options)) {
  check_options();
  start_epoch(0);
  // Whether a first step is full does not depend on the order: it is short only where it holds all documents.
  bool full = true;
  step_end(order_, 0, full);
  if (options_.drop_last && !full) {
    throw Error("drop_last: all {} examples together do not fill one step", order_.size());
  }
}

void BatchPlanner::check_options() const {
  if (examples_.empty()) throw Error("there are no examples to train on");
  check_examples(examples_);
  check_weights(examples_, options_);
  if (options_.tokens_per_step < 0 || options_.examples_per_step < 0 ||
      (options_.tokens_per_step > 0) == (options_.examples_per_step > 0)) {
    throw Error("a step needs a positive size in tokens or in examples, and not both: got {} tokens, {} examples",
                options_.tokens_per_step, options_.examples_per_step);
  }
  if (options_.micro_batch_tokens < 1) {
    throw Error("micro_batch_tokens: expected a positive number, got {}", options_.micro_batch_tokens);
  }
}

void BatchPlanner::start_epoch(int64_t epoch) {
  cursor_ = {epoch, 0};
  order_ = epoch_order(examples_, options_, epoch);
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
  for (;;) {  // small weights may leave an epoch without documents, or with too few
    const auto count = static_cast<int64_t>(order_.size());
    bool full = true;
    if (cursor_.index < count) step_end(order_, cursor_.index, full);
    if (cursor_.index < count && (full || !options_.drop_last)) return;
    start_epoch(cursor_.epoch + 1);
  }
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
  if (cursor.epoch >= 0) start_epoch(cursor.epoch);
  if (cursor.epoch < 0 || cursor.index < 0 || cursor.index > static_cast<int64_t>(order_.size())) {
    throw Error(
        "the data cursor (epoch {}, index {}) lies outside the {} examples: the data changed since it was saved",
        cursor.epoch, cursor.index, order_.size());
  }
  cursor_.index = cursor.index;
  leave_finished_epoch();
}

double BatchPlanner::epoch() const {
  return static_cast<double>(cursor_.epoch) +
         static_cast<double>(cursor_.index) / static_cast<double>(std::max<size_t>(order_.size(), 1));
}

int64_t BatchPlanner::steps_in_epoch(int64_t epoch) const {
  const std::vector<int64_t> order = epoch == cursor_.epoch ? order_ : epoch_order(examples_, options_, epoch);
  int64_t steps = 0;
  for (int64_t at = 0; at < static_cast<int64_t>(order.size());) {
    bool full = true;
    at = step_end(order, at, full);
    steps += full || !options_.drop_last ? 1 : 0;
  }
  return steps;
}

std::vector<Batch> evaluation_batches(const ExampleSet& examples, int64_t micro_batch_tokens) {
  if (micro_batch_tokens < 1) {
    throw Error("micro_batch_tokens: expected a positive number, got {}", micro_batch_tokens);
  }
  check_examples(examples);
  std::vector<Batch> batches;
  for (size_t i = 0; i < examples.size(); ++i) {
    const auto limit = static_cast<size_t>(micro_batch_tokens);
    if (batches.empty() || batches.back().ids.size() + examples.length(i) > limit) batches.emplace_back();
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
