#include "kernels/ops/sample.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "kernels/philox.h"
#include "tests/kernels/op_test.h"

namespace lorica::test {
namespace {

/// The op's arguments for B rows.
struct Batch {
  HostTensor logits, seen, seen_lens, draws, ids;

  Batch(const HostTensor& rows, const std::vector<std::vector<int32_t>>& seen_ids, int64_t first_draw)
      : logits(rows),
        seen({rows.shape()[0], room_for(seen_ids)}, Dtype::i32),
        seen_lens({rows.shape()[0]}, Dtype::i32),
        draws({rows.shape()[0], 2}, Dtype::i64),
        ids({rows.shape()[0]}, Dtype::i32) {
    const auto room = static_cast<size_t>(seen.shape()[1]);
    for (size_t b = 0; b < seen_ids.size(); ++b) {
      seen_lens.set(b, static_cast<double>(seen_ids[b].size()));
      for (size_t i = 0; i < seen_ids[b].size(); ++i) seen.set(b * room + i, seen_ids[b][i]);
      draws.out().as<int64_t>()[2 * b] = static_cast<int64_t>(b);
      draws.out().as<int64_t>()[2 * b + 1] = first_draw;
    }
  }
  static int64_t room_for(const std::vector<std::vector<int32_t>>& seen_ids) {
    size_t longest = 1;
    for (const auto& row : seen_ids) longest = std::max(longest, row.size());
    return static_cast<int64_t>(longest);
  }
  Sample op(const SamplingOptions& options) {
    return {.logits = logits.in(),
            .seen = seen.in(),
            .seen_lens = seen_lens.in(),
            .draws = draws.in(),
            .ids = ids.out(),
            .options = options};
  }
};

/// The definition in double: everything sorted, probabilities as they are.
int32_t reference(std::vector<float> logits, const std::vector<int32_t>& seen, const SamplingOptions& o, size_t b,
                  uint64_t draw) {
  const auto penalty = static_cast<float>(o.repetition_penalty);
  for (int32_t id : std::set<int32_t>(seen.begin(), seen.end())) {
    float& l = logits[static_cast<size_t>(id)];
    l = l < 0 ? l * penalty : l / penalty;
  }
  if (o.temperature > 0)
    for (float& l : logits) l /= static_cast<float>(o.temperature);
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto at = [&](int32_t id) { return logits[static_cast<size_t>(id)]; };
  std::stable_sort(order.begin(), order.end(), [&](int32_t x, int32_t y) { return at(x) > at(y); });
  if (o.temperature == 0) return order[0];
  if (o.top_k > 0) order.resize(std::min(order.size(), static_cast<size_t>(o.top_k)));
  const auto p = [&](int32_t id) { return std::exp(double{at(id)} - double{at(order[0])}); };
  const auto total = [&] {
    double sum = 0;
    for (int32_t id : order) sum += p(id);
    return sum;
  };
  if (o.top_p < 1) {
    const double wanted = o.top_p * total();
    double sum = 0;
    size_t keep = 0;
    while (keep < order.size() && (keep == 0 || sum < wanted)) sum += p(order[keep++]);
    order.resize(keep);
  }
  while (p(order.back()) < o.min_p) order.pop_back();
  const auto words = philox(o.seed, b, draw);
  const double target = (words[0] * 0x1p32 + words[1]) * 0x1p-64 * total();
  double sum = 0;
  for (int32_t id : order) {
    sum += p(id);
    if (target < sum) return id;
  }
  return order.back();
}

void check(const HostTensor& logits, const std::vector<std::vector<int32_t>>& seen, const SamplingOptions& options,
           int64_t draw) {
  SCOPED_TRACE(fmt::format("V {} t {} k {} p {} min {} penalty {} draw {}", logits.shape()[1], options.temperature,
                           options.top_k, options.top_p, options.min_p, options.repetition_penalty, draw));
  Batch batch(logits, seen, draw);
  launch_and_wait(batch.op(options));
  const Doubles all = logits.values();
  const auto width = static_cast<size_t>(logits.shape()[1]);
  for (size_t b = 0; b < seen.size(); ++b) {
    const std::vector<float> row(all.begin() + static_cast<std::ptrdiff_t>(b * width),
                                 all.begin() + static_cast<std::ptrdiff_t>((b + 1) * width));
    EXPECT_EQ(batch.ids.get(b), reference(row, seen[b], options, b, static_cast<uint64_t>(draw))) << "row " << b;
  }
}

const SamplingOptions kOptions[] = {
    {},
    {.repetition_penalty = 1.5},
    {.temperature = 1, .seed = 3},
    {.temperature = 0.7, .top_k = 5, .seed = 4},
    {.temperature = 1.3, .top_p = 0.8, .seed = 5},
    {.temperature = 1, .min_p = 0.1, .seed = 6},
    {.temperature = 0.9, .top_k = 40, .top_p = 0.9, .min_p = 0.02, .repetition_penalty = 1.2, .seed = 7},
    {.temperature = 1, .top_k = 1, .seed = 8},
    {.temperature = 1, .top_p = 0, .seed = 8},
};

TEST(Sample, FollowsTheDefinitionAtEverySize) {
  for (int64_t width : sizes({1, 7, 257, 513, 4099, 50000}, {1, 7, 513, 2051}))
    for (const SamplingOptions& options : kOptions)
      for (int64_t draw : sizes({0, 1, 2, 3, 1'000'000'007}, {0, 1})) {
        const HostTensor logits = HostTensor::random({3, width}, Dtype::f32, static_cast<uint64_t>(width), 2.5);
        const auto last = static_cast<int32_t>(width - 1);
        check(logits, {{0, last, 0}, {}, {last / 2}}, options, draw);
      }
}

TEST(Sample, APenaltyMakesNegativeLogitsMoreNegative) {
  const HostTensor logits({1, 4}, Dtype::f32, {-2, -1, -4, -1.5});
  check(logits, {{1}}, {.repetition_penalty = 3}, 0);
  for (int64_t draw = 0; draw < 4; ++draw)
    check(logits, {{1, 3}}, {.temperature = 1, .top_k = 2, .repetition_penalty = 3}, draw);
}

/// Equal logits: the lower id is the better one, also where top k cuts through them.
TEST(Sample, EqualLogits) {
  Doubles values;
  for (int i = 0; i < 600; ++i) values.push_back(i % 3 == 0 ? 1.5 : (i % 3 == 1 ? -0.0 : 0.0));
  const HostTensor logits({1, 600}, Dtype::f32, values);
  for (const SamplingOptions& options : kOptions)
    for (int64_t draw = 0; draw < sizes({40}, {3})[0]; ++draw) check(logits, {{3, 4}}, options, draw);
}

TEST(Sample, MinusInfinityRulesOutAndAnInfiniteRowIsLeftOutByItsDraw) {
  Doubles values(20, -HUGE_VAL);
  values[7] = -3, values[9] = -4;
  for (size_t i = 10; i < 20; ++i) values[i] = std::nan("");
  Batch batch(HostTensor({2, 10}, Dtype::f32, values), {{}, {}}, 0);
  batch.draws.out().as<int64_t>()[3] = -1;
  launch_and_wait(batch.op({.temperature = 1, .top_k = 1}));
  EXPECT_EQ(batch.ids.get(0), 7);
  EXPECT_EQ(batch.ids.get(1), -1);
}

TEST(Sample, LogitsThatAreNotFiniteThrow) {
  for (const Doubles& values : {Doubles{1, std::nan(""), 2}, Doubles{std::nan(""), 1, 2}, Doubles{1, 2, HUGE_VAL},
                                Doubles{-HUGE_VAL, -HUGE_VAL, -HUGE_VAL}})
    for (double temperature : {0.0, 1.0}) {
      Batch batch(HostTensor({1, 3}, Dtype::f32, values), {{}}, 0);
      EXPECT_THROW(launch_and_wait(batch.op({.temperature = temperature})), RunError);
    }
}

TEST(Sample, RefusesWrongArguments) {
  Batch batch(HostTensor({2, 5}, Dtype::f32, Doubles(10, 1.0)), {{1}, {2}}, 0);
  const Sample op = batch.op({});
  EXPECT_NO_THROW(op.check());
  const HostTensor one = HostTensor::ints({0});
  const auto with = [&](auto&& change) {
    Sample changed = op;
    change(changed);
    return changed;
  };
  expect_refused(with([&](Sample& s) { s.logits = one.in(); }), "Sample: logits: expected 2 dimensions");
  expect_refused(with([&](Sample& s) { s.logits.dtype = Dtype::bf16; }), "Sample: logits: expected f32");
  expect_refused(with([&](Sample& s) { s.logits.shape[1] = (1 << 24) + 1; }), "Sample: logits: more than");
  expect_refused(with([&](Sample& s) { s.seen.shape[0] = 3; }), "Sample: seen and logits");
  expect_refused(with([&](Sample& s) { s.seen_lens = one.in(); }), "Sample: seen_lens: expected shape [2]");
  expect_refused(with([&](Sample& s) { s.draws.dtype = Dtype::i32; }), "Sample: draws: expected i64");
  expect_refused(with([&](Sample& s) { s.ids.shape[0] = 1; }), "Sample: ids: expected shape [2]");
}

}  // namespace
}  // namespace lorica::test
