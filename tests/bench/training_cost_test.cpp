#include "bench/training_cost.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "engine/model/weight_list.h"
#include "io/formats/file_bytes.h"

namespace lorica::bench {
namespace {

/// The model without its weights.
struct Outline {
  explicit Outline(const std::string& name) {
    const auto file = std::filesystem::path(SOURCE_ROOT) / "bench/configs" / (name + ".json");
    model = Decoder::build(context, arena, parse_model_config(read_file(file), file.string()),
                           {.weights = std::make_shared<WeightList>()});
  }
  Context context;
  Arena arena;
  std::unique_ptr<Decoder> model;
};

/// By hand, of a block of SmolLM2-135M: q and o 576 x 576, k and v 576 x 192, gate, up and down 576 x 1536, together
/// 3,538,944; 30 blocks and the head 49152 x 576 make N = 134,479,872. Adapters of rank 16: 16 (2 x 1152 + 2 x 768 +
/// 3 x 2112) = 162,816 a block.
TEST(TrainingCost, OfSmolLm2) {
  const Outline outline("smollm2-135m");
  const int64_t lengths[] = {512, 512};
  const TrainingCost cost = lora_training_cost(*outline.model, 16, lengths);
  EXPECT_EQ(cost.base, 4.0 * 134'479'872);
  EXPECT_EQ(cost.attention, 6.0 * 30 * 576 * 512);
  EXPECT_EQ(cost.lora, 6.0 * 30 * 162'816);
  EXPECT_EQ(cost.a_token(), 620'310'528);
}

/// A token attends to half of its own document: (100^2 + 300^2) / 400 = 250.
TEST(TrainingCost, CountsAttentionByTheTokensOfEachDocument) {
  const Outline outline("smollm2-135m");
  const int64_t lengths[] = {100, 300};
  EXPECT_EQ(lora_training_cost(*outline.model, 16, lengths).attention, 6.0 * 30 * 576 * 250);
}

/// Qwen3's heads are wider than its hidden state: 16 x 128 against 1024.
TEST(TrainingCost, TakesTheWidthOfTheHeads) {
  const Outline outline("qwen3-0.6b");
  const int64_t lengths[] = {2048};
  EXPECT_EQ(lora_training_cost(*outline.model, 16, lengths).attention, 6.0 * 28 * 2048 * 2048);
}

}  // namespace
}  // namespace lorica::bench
