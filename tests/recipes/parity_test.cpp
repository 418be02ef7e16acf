#include "recipes/parity.h"

#include <gtest/gtest.h>

#include <cstring>
#include <sstream>

#include "tests/support/parity_report.h"

namespace lorica {
namespace {

namespace fs = std::filesystem;

using test::options_for;
using test::parity;
using test::Verdict;

class Families : public testing::TestWithParam<const char*> {};

TEST_P(Families, AgreeWithTheGoldens) {
  const Verdict verdict = parity(options_for(GetParam()));
  EXPECT_TRUE(verdict.good) << verdict.report;
  EXPECT_EQ(verdict.report.find("skipped"), std::string::npos) << verdict.report;
}
INSTANTIATE_TEST_SUITE_P(Parity, Families,
                         testing::Values("llama", "llama3_rope_tied", "qwen2", "qwen3", "gpt2", "mistral_window",
                                         "gemma2", "gemma3", "phi3"));

/// Options that the goldens above do not have: other families, rope scalings, biases, windows, activations.
class Variants : public testing::TestWithParam<const char*> {};

TEST_P(Variants, AgreeWithTheGoldens) {
  const fs::path folder = fs::path(TEST_DATA) / "golden_variants" / GetParam();
  const Verdict verdict = parity({.model = folder, .golden = folder / "golden.safetensors"});
  EXPECT_TRUE(verdict.good) << verdict.report;
  for (const char* group : {"logits", "loss", "grad.*", "lora.logits", "lora.loss", "lora.grad.*"})
    EXPECT_NE(("\n" + verdict.report).find(std::string("\n") + group + " "), std::string::npos)
        << group << verdict.report;
}
INSTANTIATE_TEST_SUITE_P(Parity, Variants,
                         testing::Values("granite", "olmo2", "smollm3", "llama_biases_linear", "llama_yarn",
                                         "llama_dynamic", "phi3_longrope", "qwen3_window", "gemma3_scaled",
                                         "gpt2_options"));

TEST(Classifier, AgreesWithTheGolden) {
  const Verdict verdict = parity(options_for("llama_seq_cls"));
  EXPECT_TRUE(verdict.good) << verdict.report;
  EXPECT_NE(verdict.report.find("grad.*                     21 tensors"), std::string::npos) << verdict.report;
}

/// The head is trained beside the adapter, as PEFT does for task_type SEQ_CLS.
class Classifiers : public testing::TestWithParam<const char*> {};

TEST_P(Classifiers, TrainAsTheGoldens) {
  const fs::path folder = fs::path(TEST_DATA) / "golden_classifiers" / GetParam();
  const Verdict verdict = parity({.model = folder, .golden = folder / "golden.safetensors"});
  EXPECT_TRUE(verdict.good) << verdict.report;
  for (const char* group : {"logits", "loss", "grad.*", "lora.logits", "lora.loss", "lora.grad.*", "lora.train.losses",
                            "lora.train.grad_norms", "lora.train.final.*"})
    EXPECT_NE(("\n" + verdict.report).find(std::string("\n") + group + " "), std::string::npos)
        << group << verdict.report;
  EXPECT_EQ(verdict.report.find("lora.train.* "), std::string::npos) << verdict.report;
}
INSTANTIATE_TEST_SUITE_P(Parity, Classifiers, testing::Values("llama_3", "llama_5", "gemma2_2", "gpt2_3"));

/// One element of llama's k_proj.lora_A starts with a gradient of 7e-6 of the largest, next to AdamW's eps: over
/// instruction sets, and with this or that op replaced by a double version, it ends 4e-6 to 1.8e-4 away; PyTorch in f32
/// is 1.1e-4 away. No other golden has such an element.
TEST(LeftOut, IsTheOneElementThatRoundingDecides) {
  const Verdict llama = parity(options_for("llama"));
  EXPECT_NE(llama.report.find("\n                         1 element left out: rounding"), std::string::npos)
      << llama.report;
  EXPECT_EQ(parity(options_for("qwen3")).report.find("left out"), std::string::npos);
}

/// PyTorch's own bf16 run is off by 0.12 and 0.13 in the adapters' gradients.
class Bf16 : public testing::TestWithParam<const char*> {};

TEST_P(Bf16, IsCloseToTheGoldens) {
  const fs::path folder = fs::path(testing::TempDir()) / (std::string("lorica_bf16_") + GetParam());
  ParityOptions options = test::bf16_options(GetParam(), folder);
  const Verdict verdict = parity(options);
  EXPECT_TRUE(verdict.good) << verdict.report;
  options.tolerance = 1e-4;
  EXPECT_FALSE(parity(options).good) << "bf16 cannot be this exact: it was not in use";
  fs::remove_all(folder);
}
INSTANTIATE_TEST_SUITE_P(Parity, Bf16, testing::Values("llama", "gpt2"));

/// A copy of the llama folder that a test may spoil.
class Spoiled : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              (std::string("lorica_") + testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::copy(test::golden_folder("llama"), folder_, fs::copy_options::recursive);
  }
  void TearDown() override { fs::remove_all(folder_); }
  ParityOptions options() const { return {.model = folder_, .golden = folder_ / "golden.safetensors"}; }
  void replace_in_config(const std::string& from, const std::string& to) const {
    std::string text = read_file(folder_ / "config.json");
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    write_file_atomically(folder_ / "config.json", text.replace(at, from.size(), to));
  }
  fs::path folder_;
};

TEST_F(Spoiled, OneWeightIsSeen) {
  std::string bytes = read_file(folder_ / "model.safetensors");
  float weight;
  char* const at = bytes.data() + bytes.size() / 8 * 4;
  std::memcpy(&weight, at, sizeof weight);
  weight += 0.05f;
  std::memcpy(at, &weight, sizeof weight);
  write_file_atomically(folder_ / "model.safetensors", bytes);
  const Verdict verdict = parity(options());
  EXPECT_FALSE(verdict.good);
  EXPECT_NE(verdict.report.find("ABOVE TOLERANCE"), std::string::npos) << verdict.report;
}

TEST_F(Spoiled, RopeThetaIsSeen) {
  replace_in_config("10000.0", "10100.0");
  EXPECT_FALSE(parity(options()).good);
}

TEST_F(Spoiled, NormEpsilonIsSeen) {
  replace_in_config("1e-06", "1e-02");
  EXPECT_FALSE(parity(options()).good);
}

TEST_F(Spoiled, TrainingSettingsAreSeen) {
  ParityOptions o = options();
  o.training = ParityTraining{.weight_decay = 0.0};
  EXPECT_FALSE(parity(o).good);
}

/// The factor that has an element left out is held to the tolerance in all its others.
TEST_F(Spoiled, OneElementOfAFinalFactorIsSeen) {
  std::string bytes = read_file(folder_ / "golden.safetensors");
  const SafetensorsFile file(test::golden_folder("llama") / "golden.safetensors");
  const In view = file.tensor("lora.train.final.base_model.model.model.layers.1.self_attn.k_proj.lora_A.weight");
  const size_t begin = bytes.find(std::string(static_cast<const char*>(view.data), 64));
  ASSERT_NE(begin, std::string::npos);
  const float spoiled = view.as<float>()[41] + 3e-4f;
  std::memcpy(bytes.data() + begin + 41 * sizeof spoiled, &spoiled, sizeof spoiled);
  write_file_atomically(folder_ / "golden.safetensors", bytes);
  const Verdict verdict = parity(options());
  EXPECT_FALSE(verdict.good) << verdict.report;
  const size_t line = verdict.report.find("lora.train.final.*");
  ASSERT_NE(line, std::string::npos) << verdict.report;
  EXPECT_LT(verdict.report.find("ABOVE TOLERANCE", line), verdict.report.find('\n', line)) << verdict.report;
}

TEST_F(Spoiled, TokensOutsideTheVocabularyThrow) {
  const std::vector<int64_t> ids = {3, 131, 5, 6};
  const In view(ids.data(), {1, 4}, Dtype::i64);
  write_safetensors(folder_ / "golden.safetensors",
                    {{.name = "input_ids", .view = view}, {.name = "labels", .view = view}});
  const std::string message = test::message_of([&] { parity(options()); });
  EXPECT_NE(message.find("input_ids: 131 is outside the model's vocabulary of 131"), std::string::npos) << message;
}

TEST_F(Spoiled, LogitsOfAnotherVocabularyThrow) {
  const std::vector<int64_t> ids = {3, 4, 5, 6};
  const std::vector<float> logits(4 * 7, 0.5f);
  const In view(ids.data(), {1, 4}, Dtype::i64);
  write_safetensors(folder_ / "golden.safetensors",
                    {{.name = "input_ids", .view = view},
                     {.name = "labels", .view = view},
                     {.name = "logits", .view = {logits.data(), {1, 4, 7}, Dtype::f32}}});
  const std::string message = test::message_of([&] { parity(options()); });
  EXPECT_NE(message.find("logits: 28 values for the 524 of this model"), std::string::npos) << message;
}

TEST_F(Spoiled, NothingToCompareThrows) {
  const std::vector<int64_t> ids = {3, 4, 5, 6};
  const In view(ids.data(), {1, 4}, Dtype::i64);
  write_safetensors(folder_ / "golden.safetensors",
                    {{.name = "input_ids", .view = view}, {.name = "labels", .view = view}});
  fs::remove_all(folder_ / "adapter");
  EXPECT_NE(test::message_of([&] { parity(options()); }).find("nothing to compare"), std::string::npos);
}

}  // namespace
}  // namespace lorica
