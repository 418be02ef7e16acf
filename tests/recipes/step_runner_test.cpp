#include "recipes/step_runner.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/tiny_model.h"

namespace lorica {
namespace {

using Ints = std::vector<int32_t>;

TEST(Padding, SizesAreFew) {
  const Batch batch = test::random_batch({13, 7}, 1);  // 20 tokens, 18 of them labelled
  EXPECT_EQ(padded_sizes(batch, 64), (PaddedSizes{.tokens = 32, .documents = 8, .rows = 20}));
  EXPECT_EQ(padded_sizes(batch, 20), (PaddedSizes{.tokens = 20, .documents = 8, .rows = 18}));
  EXPECT_EQ(padded_sizes(batch, 8).tokens, 20);  // a document longer than a micro-batch
  EXPECT_EQ(padded_sizes(test::random_batch({2, 2, 2, 2, 2, 2, 2, 2}, 1), 64).documents, 8);
  EXPECT_EQ(padded_sizes(test::random_batch({2, 2, 2, 2, 2, 2, 2, 2, 2}, 1), 64).documents, 16);  // and 7 of padding
}

TEST(Padding, IsDocumentsOfItsOwn) {
  Batch batch = test::random_batch({3, 2}, 1);
  const Ints ids = batch.ids;
  batch = padded(batch, {.tokens = 12, .documents = 8, .rows = 6});
  EXPECT_EQ(batch.cu_seqlens, (Ints{0, 3, 5, 8, 11, 12, 12, 12, 12}));
  EXPECT_EQ(batch.positions, (Ints{0, 1, 2, 0, 1, 0, 1, 2, 0, 1, 2, 0}));
  EXPECT_EQ(batch.ids,
            (Ints{ids[0], ids[1], ids[2], ids[3], ids[4], ids[0], ids[1], ids[2], ids[3], ids[4], ids[0], ids[1]}));
  EXPECT_EQ(batch.rows, (Ints{0, 1, 3, -1, -1, -1}));
  EXPECT_EQ(batch.targets, (Ints{ids[1], ids[2], ids[4], -1, -1, -1}));
  EXPECT_EQ(batch.examples.size(), 2u);
}

class PaddingOf : public testing::TestWithParam<std::tuple<const char*, bool>> {};

/// The losses to the bit; gradients up to the order in which a longer sum is split.
TEST_P(PaddingOf, ABatchChangesNeitherLossesNorGradients) {
  const auto [family, trained] = GetParam();
  test::TinyModel tiny(family, Dtype::f32, trained);
  if (!trained) tiny.adapt({.r = 4, .lora_alpha = 8});
  const Batch batch = test::random_batch({13, 1, 7, 29}, 5);
  const std::vector<float> losses = forward_backward(*tiny.model, batch, {.loss_scale = 0.02f});
  const std::vector<float> gradients = test::gradients_of(*tiny.model);
  test::clear_gradients(*tiny.model);
  const Batch longer = padded(batch, padded_sizes(batch, 64));
  std::vector<float> padded_losses = forward_backward(*tiny.model, longer, {.loss_scale = 0.02f});
  const std::vector<float> padded_gradients = test::gradients_of(*tiny.model);
  ASSERT_EQ(padded_losses.size(), 48u);
  for (size_t i = losses.size(); i < padded_losses.size(); ++i) EXPECT_EQ(padded_losses[i], 0);
  padded_losses.resize(losses.size());
  for (size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(padded_losses[i], losses[i], 1e-5) << i;
  double largest = 0;
  for (float g : gradients) largest = std::max(largest, std::abs(static_cast<double>(g)));
  for (size_t i = 0; i < gradients.size(); ++i) EXPECT_NEAR(padded_gradients[i], gradients[i], 2e-6 * largest) << i;
}
INSTANTIATE_TEST_SUITE_P(Padding, PaddingOf, testing::Combine(testing::Values("llama", "gpt2"), testing::Bool()));

TEST(StepRunner, StepsAsItsPartsDo) {
  const auto batches = [](uint64_t step) {
    return std::vector<Batch>{test::random_batch({13, 7}, step), test::random_batch({5}, step + 10)};
  };
  test::TinyModel a, b;
  a.adapt({.r = 4, .lora_alpha = 8});
  b.adapt({.r = 4, .lora_alpha = 8});
  AdamWOptimizer of_a(a.lasting, a.model->parameters(), {}), of_b(b.lasting, b.model->parameters(), {});
  StepRunner runner(*a.model, of_a, {});
  for (uint64_t step = 0; step < 3; ++step) {
    double loss_sum = 0;
    for (const Batch& batch : batches(step)) {
      runner.accumulate(batch, 0.04f, step);
      loss_sum += sum_of(forward_backward(*b.model, batch, {.loss_scale = 0.04f, .stream = step}));
    }
    runner.update(1e-2);
    const double norm = of_b.gradient_norm(b.context);
    of_b.step(b.context, 1e-2);
    const StepRunner::Result result = runner.finish();
    EXPECT_EQ(result.loss_sum, loss_sum);
    EXPECT_EQ(result.norm, norm);
  }
  EXPECT_EQ(runner.graphs(), 0u);
  for (size_t i = 0; i < of_a.states().size(); ++i)
    EXPECT_EQ(to_host<float>(of_a.states()[i].parameter->value), to_host<float>(of_b.states()[i].parameter->value));
}

TEST(StepRunner, ALossThatIsNotFiniteChangesNothing) {
  test::TinyModel tiny;
  tiny.adapt({.r = 4, .lora_alpha = 8});
  AdamWOptimizer optimizer(tiny.lasting, tiny.model->parameters(), {});
  Parameter& first = *tiny.model->parameters()[0];
  std::vector<float> values = to_host<float>(first.value);
  values[0] = INFINITY;
  first.value.copy_in(values.data());
  StepRunner runner(*tiny.model, optimizer, {});
  const Parameter& last = *tiny.model->parameters().back();
  const std::vector<float> before = to_host<float>(last.value);
  runner.accumulate(test::random_batch({13, 7}, 1), 0.04f, 0);
  runner.update(1e-2);
  EXPECT_FALSE(std::isfinite(runner.finish().loss_sum));
  EXPECT_EQ(to_host<float>(last.value), before);
}

}  // namespace
}  // namespace lorica
