#include <gtest/gtest.h>

#include "engine/tensor.h"
#include "tests/support/tiny_model.h"

namespace lorica {
namespace {

TEST(Arena, ABlockOfItsClassHoldsWhatWasAskedFor) {
  Arena arena;
  for (size_t bytes :
       {size_t{0}, size_t{1}, size_t{255}, size_t{256}, size_t{257}, size_t{320}, size_t{321}, size_t{511}, size_t{512},
        size_t{513}, size_t{4095}, size_t{4096}, size_t{4097}, size_t{1000003}}) {
    const size_t before = arena.bytes_in_use();
    void* block = arena.allocate(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 64, 0u);
    const size_t taken = arena.bytes_in_use() - before;
    EXPECT_GE(taken, bytes);
    EXPECT_LE(taken, std::max<size_t>(256, bytes + bytes / 4 + 1))
        << "more than a quarter octave of waste for " << bytes;
    std::fill_n(static_cast<char*>(block), bytes, 'x');
    arena.release(block, bytes);
    EXPECT_EQ(arena.bytes_in_use(), before);
  }
}

TEST(Arena, FreedMemoryIsUsedAgain) {
  Arena arena;
  void* first = arena.allocate(1000);
  arena.release(first, 1000);
  EXPECT_EQ(arena.allocate(1024), first);  // the same class
  EXPECT_EQ(arena.system_allocations(), 1u);
  void* second = arena.allocate(1000);
  EXPECT_NE(second, first);
  EXPECT_EQ(arena.system_allocations(), 2u);
  arena.release(first, 1024);
  arena.release(second, 1000);
}

TEST(Arena, CountsUseAndPeak) {
  Arena arena;
  void* a = arena.allocate(4096);
  void* b = arena.allocate(8192);
  EXPECT_EQ(arena.bytes_in_use(), 12288u);
  arena.release(b, 8192);
  EXPECT_EQ(arena.bytes_in_use(), 4096u);
  void* c = arena.allocate(4096);
  EXPECT_EQ(arena.peak_bytes_in_use(), 12288u);
  EXPECT_EQ(arena.bytes_held(), 16384u);
  arena.release(a, 4096);
  arena.release(c, 4096);
  EXPECT_EQ(arena.bytes_in_use(), 0u);
}

TEST(Tensor, CopiesShareAndTheLastOneReleases) {
  Arena arena;
  {
    Tensor a(arena, {8, 64}, Dtype::f32);
    EXPECT_FALSE(a.shared());
    const Tensor b = a, wide = a.reshaped({4, 2, 64});
    EXPECT_TRUE(a.shared());
    a.as<float>()[511] = 3;
    EXPECT_EQ(b.as<float>()[511], 3);
    EXPECT_EQ(wide.as<float>(), b.as<float>());
    a = Tensor();
    EXPECT_EQ(arena.bytes_in_use(), 2048u);
  }
  EXPECT_EQ(arena.bytes_in_use(), 0u);
}

TEST(Tensor, ReshapeKeepsTheCount) {
  Arena arena;
  const Tensor a(arena, {6, 4}, Dtype::f32);
  EXPECT_EQ(a.reshaped({2, 12}).shape().text(), "[2, 12]");
  EXPECT_EQ(test::message_of([&] { a.reshaped({5, 5}); }), "cannot reshape [6, 4] to [5, 5]");
}

TEST(Tensor, AnOwnerLivesAsLongAsTheView) {
  auto owner = std::make_shared<std::vector<float>>(16, 2.0f);
  const std::weak_ptr<std::vector<float>> watch = owner;
  Tensor a(In(owner->data(), {16}, Dtype::f32), owner);
  owner.reset();
  EXPECT_EQ(a.as<float>()[15], 2.0f);
  EXPECT_FALSE(watch.expired());
  a = Tensor();
  EXPECT_TRUE(watch.expired());
}

/// Steps of several lengths until all shapes were seen; after that neither arena nor scratch may grow.
class SteadyState : public testing::TestWithParam<Dtype> {};

TEST_P(SteadyState, TakesNothingFromTheSystem) {
  test::TinyModel tiny("llama", GetParam());
  tiny.adapt({.r = 4, .lora_alpha = 8, .lora_dropout = 0.1});
  const std::vector<std::vector<int>> shapes = {{13, 7}, {40}, {5, 5, 5}, {64}, {31, 2}, {17}};
  const auto round = [&](uint64_t seed) {
    for (size_t i = 0; i < shapes.size(); ++i) {
      const Batch batch = test::random_batch(shapes[(i * 5 + seed) % shapes.size()], seed * 10 + i);
      forward_backward(*tiny.model, batch,
                       {.loss_scale = 0.1f, .recompute_blocks = i % 2 == 0, .seed = 1, .stream = i});
      forward_losses(*tiny.model, batch);
    }
  };
  for (uint64_t warm_up = 0; warm_up < 3; ++warm_up) round(warm_up);
  const uint64_t allocations = tiny.arena.system_allocations();
  const size_t scratch = tiny.context.cpu.scratch_bytes(), in_use = tiny.arena.bytes_in_use();
  for (uint64_t i = 3; i < 9; ++i) round(i);
  EXPECT_EQ(tiny.arena.system_allocations(), allocations);
  EXPECT_EQ(tiny.context.cpu.scratch_bytes(), scratch);
  EXPECT_EQ(tiny.arena.bytes_in_use(), in_use);
}
INSTANTIATE_TEST_SUITE_P(Arena, SteadyState, testing::Values(Dtype::f32, Dtype::bf16));

TEST(Arena, GenerationTakesNothingFromTheSystem) {
  test::TinyModel tiny;
  KvCache cache(tiny.arena, tiny.config, Dtype::f32, 1, 64);
  const auto run = [&](int steps) {
    for (int i = 0; i < steps; ++i) tiny.model->step(cache, std::vector<int32_t>{i + 3}, std::vector<int32_t>{0, 1});
  };
  run(4);
  const uint64_t allocations = tiny.arena.system_allocations();
  run(40);
  EXPECT_EQ(tiny.arena.system_allocations(), allocations);
}

}  // namespace
}  // namespace lorica
