#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "io/data/batches.h"
#include "io/data/dataset.h"
#include "kernels/error.h"

namespace lorica {
namespace {

/// Documents of the given lengths; every id tells its document and place, every third token is trained.
std::vector<Example> loose_documents(const std::vector<int>& lengths) {
  std::vector<Example> examples;
  for (size_t d = 0; d < lengths.size(); ++d) {
    Example example;
    for (int i = 0; i < lengths[d]; ++i) {
      example.ids.push_back(static_cast<int32_t>(d) * 1000 + i);
      example.trained.push_back(i > 0 && i % 3 != 1 ? 1 : 0);
    }
    examples.push_back(std::move(example));
  }
  return examples;
}

ExampleSet documents(const std::vector<int>& lengths) { return example_set(loose_documents(lengths)); }

ExampleSet mixed_documents() {
  std::vector<int> lengths;
  for (int i = 0; i < 53; ++i) lengths.push_back(1 + (i * 37) % 61);
  return documents(lengths);
}

void expect_whole_documents(const Batch& batch, const ExampleSet& examples) {
  ASSERT_EQ(batch.cu_seqlens.size(), batch.examples.size() + 1);
  EXPECT_EQ(batch.cu_seqlens.front(), 0);
  EXPECT_EQ(batch.cu_seqlens.back(), static_cast<int32_t>(batch.ids.size()));
  std::vector<int32_t> rows, targets;
  for (size_t d = 0; d < batch.examples.size(); ++d) {
    const ExampleView example = examples[static_cast<size_t>(batch.examples[d])];
    const auto begin = static_cast<size_t>(batch.cu_seqlens[d]), end = static_cast<size_t>(batch.cu_seqlens[d + 1]);
    ASSERT_EQ(end - begin, example.ids.size());
    for (size_t i = 0; i < end - begin; ++i) {
      EXPECT_EQ(batch.ids[begin + i], example.ids[i]);
      EXPECT_EQ(batch.positions.at(begin + i), static_cast<int32_t>(i));
      if (i > 0 && example.trained[i] != 0) {
        rows.push_back(static_cast<int32_t>(begin + i - 1));
        targets.push_back(example.ids[i]);
      }
    }
  }
  EXPECT_EQ(batch.rows, rows);
  EXPECT_EQ(batch.targets, targets);
}

TEST(Batches, EveryDocumentOnceAnEpochAndNeverCut) {
  const auto examples = mixed_documents();
  for (const BatchOptions& options :
       {BatchOptions{.tokens_per_step = 200, .micro_batch_tokens = 64, .seed = 3},
        BatchOptions{.examples_per_step = 7, .micro_batch_tokens = 50, .seed = 4},
        BatchOptions{.examples_per_step = 7, .micro_batch_tokens = 1000, .shuffle = false}}) {
    BatchPlanner planner(examples, options);
    for (int64_t epoch = 0; epoch < 3; ++epoch) {
      std::multiset<int64_t> seen;
      int64_t steps = 0;
      const int64_t promised = planner.steps_in_epoch(epoch);
      while (planner.cursor().epoch == epoch) {
        ++steps;
        int64_t tokens = 0, taken = 0;
        for (const Batch& batch : planner.next_step()) {
          expect_whole_documents(batch, examples);
          seen.insert(batch.examples.begin(), batch.examples.end());
          tokens += static_cast<int64_t>(batch.ids.size());
          taken += static_cast<int64_t>(batch.examples.size());
          EXPECT_TRUE(static_cast<int64_t>(batch.ids.size()) <= options.micro_batch_tokens ||
                      batch.examples.size() == 1);
        }
        if (options.tokens_per_step > 0) {
          EXPECT_LE(tokens, options.tokens_per_step);
        }
        if (options.examples_per_step > 0) {
          EXPECT_LE(taken, options.examples_per_step);
        }
      }
      EXPECT_EQ(steps, promised);
      EXPECT_EQ(seen.size(), examples.size());
      EXPECT_EQ(std::set<int64_t>(seen.begin(), seen.end()).size(), examples.size());
    }
  }
}

TEST(Batches, ALongerDocumentGetsABatchOfItsOwn) {
  const auto examples = documents({5, 40, 6});
  BatchPlanner planner(examples, {.examples_per_step = 3, .micro_batch_tokens = 12, .shuffle = false});
  const auto step = planner.next_step();
  ASSERT_EQ(step.size(), 2u);
  EXPECT_EQ(step[0].examples, std::vector<int64_t>{1});
  EXPECT_EQ(step[1].examples, (std::vector<int64_t>{2, 0}));
  int64_t trained = 0;
  for (const ExampleView e : examples) trained += std::count(e.trained.begin(), e.trained.end(), 1);
  EXPECT_EQ(trained_tokens(step), trained);
}

TEST(Batches, TheLossNeverCrossesADocument) {
  auto examples = loose_documents({3, 4});
  examples[1].trained.front() = 1;  // nothing in its own document predicts it
  const auto batches = evaluation_batches(example_set(examples), 100);
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].rows, (std::vector<int32_t>{1, 4, 5}));
  EXPECT_EQ(batches[0].targets, (std::vector<int32_t>{2, 1002, 1003}));
  EXPECT_EQ(batches[0].cu_seqlens, (std::vector<int32_t>{0, 3, 7}));
}

void expect_same(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].ids, b[i].ids);
    EXPECT_EQ(a[i].examples, b[i].examples);
    EXPECT_EQ(a[i].targets, b[i].targets);
  }
}

TEST(Batches, AResumedRunEqualsAnUninterruptedOne) {
  const auto examples = mixed_documents();
  for (const bool drop_last : {false, true}) {
    const BatchOptions options{.tokens_per_step = 150, .micro_batch_tokens = 70, .drop_last = drop_last, .seed = 11};
    BatchPlanner whole(examples, options);
    for (int step = 0; step < 40; ++step) {
      BatchPlanner resumed(examples, options);
      resumed.seek(whole.cursor());
      EXPECT_EQ(resumed.cursor(), whole.cursor());
      EXPECT_EQ(resumed.epoch(), whole.epoch());
      expect_same(resumed.next_step(), whole.next_step());
    }
    EXPECT_GT(whole.cursor().epoch, 1);
  }
}

TEST(Batches, TheOrderDependsOnSeedAndEpochAndIsFair) {
  BatchOptions options{.seed = 5};
  const ExampleSet hundred = documents(std::vector<int>(100, 1));
  EXPECT_EQ(epoch_order(hundred, options, 2), epoch_order(hundred, options, 2));
  EXPECT_NE(epoch_order(hundred, options, 2), epoch_order(hundred, options, 3));
  BatchOptions other = options;
  other.seed = 6;
  EXPECT_NE(epoch_order(hundred, options, 2), epoch_order(hundred, other, 2));
  const ExampleSet four = documents({1, 1, 1, 1});
  // Each of the 24 orders of four documents comes about 1,000 times in 24,000 epochs (standard deviation 31).
  std::map<std::vector<int64_t>, int> counts;
  for (int64_t epoch = 0; epoch < 24000; ++epoch) counts[epoch_order(four, options, epoch)]++;
  EXPECT_EQ(counts.size(), 24u);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 1000, 150);
}

TEST(Batches, TheOrderStaysWhatItWas) {
  const ExampleSet twelve = documents(std::vector<int>(12, 1));
  const std::vector<int64_t> order = {6, 1, 9, 10, 0, 8, 5, 4, 7, 2, 11, 3};
  EXPECT_EQ(epoch_order(twelve, {.seed = 5}, 2), order);
  EXPECT_EQ(epoch_order(twelve, {.seed = 5, .source_weights = {1}}, 2), order);
}

/// `counts` documents of one token each a source.
ExampleSet sources(const std::vector<int>& counts) {
  std::vector<Example> examples;
  for (size_t source = 0; source < counts.size(); ++source) {
    for (int i = 0; i < counts[source]; ++i)
      examples.push_back({.ids = {i}, .trained = {0}, .file = {}, .slice = {}, .source = static_cast<int32_t>(source)});
  }
  return example_set(examples);
}

TEST(Batches, AnEpochShowsASourceAsOftenAsItsWeightSays) {
  const ExampleSet examples = sources({10, 7, 5, 1});
  const std::vector<double> weights = {1, 2.5, 0.3, 0.25};
  const BatchOptions options{.seed = 9, .source_weights = weights};
  constexpr int64_t kEpochs = 4000;
  std::vector<int64_t> seen(examples.size());
  for (int64_t epoch = 0; epoch < kEpochs; ++epoch) {
    const std::vector<int64_t> order = epoch_order(examples, options, epoch);
    EXPECT_EQ(order, epoch_order(examples, options, epoch));
    std::vector<int64_t> here(examples.size());
    for (const int64_t document : order) ++here.at(static_cast<size_t>(document));
    int64_t drawn = 0;
    for (size_t i = 0; i < here.size(); ++i) {
      const double weight = weights[static_cast<size_t>(examples.source(i))];
      EXPECT_TRUE(here[i] == std::floor(weight) || here[i] == std::ceil(weight)) << i;
      if (examples.source(i) == 1) drawn += here[i] - 2;
      seen[i] += here[i];
    }
    EXPECT_TRUE(drawn == 3 || drawn == 4);  // 0.5 of 7
  }
  for (size_t i = 0; i < seen.size(); ++i) {  // the standard deviation of each is at most 0.5 / sqrt(4000) = 0.008
    EXPECT_NEAR(static_cast<double>(seen[i]) / kEpochs, weights[static_cast<size_t>(examples.source(i))], 0.04) << i;
  }
}

TEST(Batches, WeightsKeepStepsAndResumingRight) {
  const ExampleSet examples = sources({9, 4, 1});
  const BatchOptions options{
      .examples_per_step = 3, .micro_batch_tokens = 4, .seed = 2, .source_weights = {0.1, 0.2, 3}};
  BatchPlanner planner(examples, options);
  int64_t steps = 0, promised = 0;
  for (int step = 0; step < 60; ++step) {
    const int64_t epoch = planner.cursor().epoch;
    if (planner.cursor().index == 0) {
      EXPECT_EQ(steps, promised);
      steps = 0;
      promised = planner.steps_in_epoch(epoch);
    }
    BatchPlanner resumed(examples, options);
    resumed.seek(planner.cursor());
    expect_same(resumed.next_step(), planner.next_step());
    ++steps;
  }
  EXPECT_GT(planner.cursor().epoch, 10);
  BatchOptions in_order = options;
  in_order.shuffle = false;
  in_order.source_weights = {0, 1, 2};
  EXPECT_EQ(epoch_order(examples, in_order, 0), (std::vector<int64_t>{9, 10, 11, 12, 13, 13}));
  in_order.source_weights = {0.01, 0.01, 0.01};
  EXPECT_THROW(BatchPlanner(examples, in_order), Error);
}

TEST(Batches, DropLastLeavesOutShortSteps) {
  const auto examples = documents({4, 4, 4, 4, 4});
  BatchPlanner planner(examples,
                       {.examples_per_step = 2, .micro_batch_tokens = 8, .shuffle = false, .drop_last = true});
  EXPECT_EQ(planner.steps_in_epoch(0), 2);
  planner.next_step();
  EXPECT_DOUBLE_EQ(planner.epoch(), 0.4);
  planner.next_step();
  EXPECT_EQ(planner.cursor(), (Cursor{1, 0}));
  EXPECT_THROW(BatchPlanner(examples, {.tokens_per_step = 21, .micro_batch_tokens = 8, .drop_last = true}), Error);
}

TEST(Batches, RefusesSizesThatMakeNoSense) {
  const auto examples = documents({4});
  EXPECT_THROW(BatchPlanner({}, {.examples_per_step = 1, .micro_batch_tokens = 8}), Error);
  EXPECT_THROW(BatchPlanner(examples, {.micro_batch_tokens = 8}), Error);
  EXPECT_THROW(BatchPlanner(examples, {.tokens_per_step = 1, .examples_per_step = 1, .micro_batch_tokens = 8}), Error);
  EXPECT_THROW(BatchPlanner(examples, {.examples_per_step = 1}), Error);
  EXPECT_THROW(evaluation_batches(examples, 0), Error);
  const auto no_tokens = documents({0});
  EXPECT_THROW(BatchPlanner(no_tokens, {.examples_per_step = 1, .micro_batch_tokens = 8}), Error);
  BatchPlanner planner(examples, {.examples_per_step = 1, .micro_batch_tokens = 8});
  EXPECT_THROW(planner.seek({0, 2}), Error);
}

TEST(TooLongRows, SplitTrainsEveryTokenOnce) {
  for (const int64_t limit : {2, 3, 7, 10, 29}) {
    DatasetBuilder builder(limit);
    const Example row = loose_documents({30})[0];
    const auto trained = std::count(row.trained.begin(), row.trained.end(), 1);
    const std::vector<uint8_t> mask = row.trained;
    builder.add(row, TooLong::kSplit);
    const Dataset data = builder.finish();
    std::vector<int32_t> targets;
    for (const Batch& batch : evaluation_batches(data.examples, 1)) {
      EXPECT_LE(static_cast<int64_t>(batch.ids.size()), limit);
      targets.insert(targets.end(), batch.targets.begin(), batch.targets.end());
    }
    std::vector<int32_t> wanted;
    for (int32_t i = 0; i < 30; ++i) {
      if (mask[static_cast<size_t>(i)] != 0) wanted.push_back(i);
    }
    EXPECT_EQ(targets, wanted) << limit;
    EXPECT_EQ(data.report.split, 1);
    EXPECT_EQ(data.report.trained_tokens, trained);
    EXPECT_EQ(data.report.trained_tokens_lost, 0);
  }
}

TEST(TooLongRows, DropAndTruncateAreCounted) {
  Example late = loose_documents({12})[0];
  std::fill(late.trained.begin(), late.trained.begin() + 8, uint8_t{0});
  DatasetBuilder builder(6);
  EXPECT_EQ(builder.add(loose_documents({6})[0], TooLong::kDrop), "");
  EXPECT_EQ(builder.add(loose_documents({7})[0], TooLong::kDrop), "7 tokens, max_tokens is 6: dropped");
  EXPECT_EQ(builder.add(loose_documents({7})[0], TooLong::kTruncate),
            "7 tokens, max_tokens is 6: truncated, 1 trained tokens lost");
  EXPECT_EQ(builder.add(late, TooLong::kTruncate),
            "12 tokens, max_tokens is 6: dropped, nothing is trained within them");
  const Dataset data = builder.finish();
  EXPECT_EQ(data.report.examples, 2);
  EXPECT_EQ(data.report.dropped_long, 2);
  EXPECT_EQ(data.report.truncated, 1);
  EXPECT_EQ(data.report.longest, 6);
  EXPECT_EQ(data.report.longest_row, 12);
  EXPECT_EQ(data.report.tokens, 12);
  EXPECT_EQ(data.report.trained_tokens_lost, 4 + 1 + 3);
}

}  // namespace
}  // namespace lorica
