#include "recipes/recipe.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/formats/file_bytes.h"
#include "recipes/schema.h"
#include "recipes/setup.h"
#include "tests/recipes/recipe_test_support.h"

namespace lorica::test {
namespace {

Recipe read(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return parse_recipe(text, "recipe.yaml", overrides);
}

TEST(Recipe, ReadsEveryKey) {
  // every key that can stand beside the others, each with a value unlike its default
  Recipe expected;
  expected.model = {.path = "m", .precision = Precision::kBf16};
  DataSection& data = expected.data;
  data.train = {{"a", {}, {}}, {"b", {}, {"field", "text_column", "weight", "sample_by"}}};
  data.train[1].own.field = "f";
  data.train[1].own.text_column = "t";
  data.train[1].own.weight = 0.25;
  data.train[1].own.sample_by = SampleBy::kLine;
  data.eval = {{"c", {}, {}}};
  data.messages_column = "m";
  data.system_column = "sys";
  data.tools_column = "tool";
  data.prompt_template = "{a}: {{";
  data.response_column = "no";
  data.response_template = "";
  data.system_prompt = "Be \"kind\":\nalways # yes";
  data.slice_column = "s";
  data.chat_template = "t.jinja";
  data.weight = 3;
  data.sample_by = SampleBy::kParagraph;
  data.max_tokens = 99;
  data.too_long = TooLong::kSplit;
  data.shuffle = false;
  data.cache = "kept";
  expected.adapter = {.type = AdapterType::kLora,
                      .path = "",
                      .r = 3,
                      .lora_alpha = 4.5,
                      .use_rslora = true,
                      .target_modules = {"q_proj", "v_proj"},
                      .layers_to_transform = {0, 2, 20, 21, 22},
                      .lora_dropout = 0.1};
  expected.train = {.max_steps = 7,
                    .num_train_epochs = 1.5,
                    .time_budget = 5400,
                    .examples_per_step = {},
                    .tokens_per_step = 512,
                    .gradient_accumulation_steps = {},
                    .micro_batch_tokens = 256,
                    .learning_rate = 1e-3,
                    .lr_scheduler_type = ScheduleKind::kCosine,
                    .warmup_ratio = 0.03,
                    .warmup_steps = 9,
                    .weight_decay = 0.01,
                    .adam_beta1 = 0.8,
                    .adam_beta2 = 0.95,
                    .adam_epsilon = 1e-6,
                    .max_grad_norm = 0,
                    .seed = 4294967295,
                    .gradient_checkpointing = true,
                    .logging_steps = 5};
  expected.eval = {.steps = 10,
                   .early_stopping_patience = 2,
                   .early_stopping_threshold = 0.25,
                   .load_best_model_at_end = false,
                   .prompts = {"Hi, you!", "~"},
                   .max_new_tokens = 8};
  expected.save = {.steps = 20, .total_limit = 1};
  expected.output = {.dir = "o/p q"};
  const Recipe got = read(R"(
model: {path: m, precision: bf16}
data:
  train:
    - a
    - path: b
      weight: 0.25
      text_column: t
      field: f
      sample_by: line
  eval: c
  messages_column: m
  system_column: sys
  tools_column: tool
  prompt_template: '{a}: {{'
  response_column: no
  weight: 3
  sample_by: paragraph
  system_prompt: |-
    Be "kind":
    always # yes
  slice_column: s
  chat_template: t.jinja
  max_tokens: 99
  too_long: split
  shuffle: false
  cache: kept
adapter:
  type: lora
  r: 3
  lora_alpha: 4.5
  use_rslora: True
  target_modules: [q_proj, v_proj]
  layers_to_transform: [20-22, 2, 0, 21]
  lora_dropout: 0.1
train:
  max_steps: 7
  num_train_epochs: 1.5
  time_budget: 1h30m
  tokens_per_step: 512
  micro_batch_tokens: 256
  learning_rate: 1e-3
  lr_scheduler_type: cosine
  warmup_steps: 9
  weight_decay: 0.01
  adam_beta1: 0.8
  adam_beta2: 0.95
  adam_epsilon: 0.000001
  max_grad_norm: 0
  seed: 4294967295
  gradient_checkpointing: true
  logging_steps: 5
eval:
  steps: 10
  early_stopping_patience: 2
  early_stopping_threshold: 0.25
  load_best_model_at_end: false
  prompts: ["Hi, you!", '~']
  max_new_tokens: 8
save:
  steps: 20
  total_limit: 1
output:
  dir: o/p q
)");
  EXPECT_EQ(got, expected) << resolved_yaml(got);
  EXPECT_EQ(read(resolved_yaml(got)), got) << resolved_yaml(got);
}

TEST(Recipe, FillsInDefaults) {
  Recipe expected;
  expected.model.path = "m";
  expected.data.train = {{"t.jsonl", {}, {}}};
  expected.train.max_steps = 10;
  expected.train.examples_per_step = 8;
  expected.output.dir = "o";
  EXPECT_EQ(read(minimal()), expected);
  EXPECT_EQ(read(minimal("eval:\n  # steps: 5\n")), expected);  // a section with all keys commented out
  EXPECT_EQ(read("---\n" + minimal() + "...\n"), expected);
  EXPECT_EQ(read("\xef\xbb\xbf" + minimal()), expected);  // a byte order mark
}

TEST(Recipe, AModelAloneIsItsPath) {
  const std::string rest = "data:\n  train: t.jsonl\noutput: {dir: o}\ntrain:\n  max_steps: 10\n";
  EXPECT_EQ(read("model: Owner/name\n" + rest).model.path, "Owner/name");
  EXPECT_EQ(error_of("model: [a]\n" + rest), "recipe.yaml:1: model: expected a section of keys, got a list");
  EXPECT_EQ(error_of("model: a\nmodel: b\n" + rest), "recipe.yaml:2: model: given twice, first at recipe.yaml:1");
}

TEST(Recipe, StepSizeByOneOfThreeKeys) {
  EXPECT_FALSE(read(minimal("  tokens_per_step: 9\n")).train.examples_per_step);
  EXPECT_FALSE(read(minimal("  gradient_accumulation_steps: 9\n")).train.examples_per_step);
  EXPECT_EQ(read(minimal("  examples_per_step: 9\n")).train.examples_per_step, 9);
}

TEST(Recipe, AnchorsAndAliases) {
  const Recipe recipe = read(minimal("  num_train_epochs: &two 2\nadapter:\n  r: *two\n"));
  EXPECT_EQ(recipe.adapter.r, 2);
  EXPECT_EQ(recipe.train.num_train_epochs, 2);
}

TEST(Recipe, AutoMeansClassificationWhereAClassifierIsTrained) {
  const auto format = [](const std::string& task) {
    return data_options(read(minimal(), {"model.task=" + task})).train.at(0).format;
  };
  EXPECT_EQ(format("seq_cls"), DataFormat::kClassification);
  EXPECT_EQ(format("causal_lm"), DataFormat::kAuto);
}

TEST(Recipe, TimesInSeconds) {
  const auto seconds = [](const std::string& text) {
    return *read(minimal(), {"train.time_budget=" + text}).train.time_budget;
  };
  EXPECT_EQ(seconds("150s"), 150);
  EXPECT_EQ(seconds("8m"), 480);
  EXPECT_EQ(seconds("1h30m"), 5400);
  EXPECT_EQ(seconds("1d2h3m4s"), 93784);
  EXPECT_EQ(seconds("1.5h"), 5400);
  EXPECT_EQ(seconds("0.25s"), 0.25);
}

TEST(Recipe, OverridesReplaceAddAndRemove) {
  const std::string text = minimal("  examples_per_step: 4\n");
  EXPECT_EQ(read(text, {"train.examples_per_step=5"}).train.examples_per_step, 5);
  EXPECT_EQ(read(text, {"adapter.r=4", "adapter.r=5"}).adapter.r, 5);
  EXPECT_EQ(read(text, {"eval.prompts=[\"a, b\", c=d]"}).eval.prompts, (std::vector<std::string>{"a, b", "c=d"}));
  const Recipe recipe = read(text, {"train.examples_per_step=null", "train.tokens_per_step=100"});
  EXPECT_EQ(recipe.train.tokens_per_step, 100);
  EXPECT_FALSE(recipe.train.examples_per_step);
  EXPECT_FALSE(read(text, {"train.max_steps=", "train.time_budget=5s"}).train.max_steps);
}

TEST(Recipe, ResolvedRecipesLoadToTheSameValues) {
  const std::vector<std::vector<std::string>> variants = {
      {},
      {"adapter.type=none"},
      {"adapter.path=a b"},
      {"data.format=prompt_response", "data.prompt_column=a", "data.response_column='#b'"},
      {"data.train=[{path: 'a b', format: text, text_column: '', weight: 0.1}, '#c']", "data.format=chat"},
      {"data.eval={path: e, chat_template: '{{ x }}', prompt_template: \"a\\n{b}\"}"},
      {"train.warmup_steps=0"},
      {"train.warmup_ratio=0.1", "train.learning_rate=1.0000000000000002e-7"},
      {"train.tokens_per_step=77"},
      {"train.gradient_accumulation_steps=3"},
      {"train.time_budget=0.1s"},
      {"train.time_budget=1.1h"},
      {"data.eval=e", "eval.steps=5", "eval.early_stopping_patience=1", "eval.early_stopping_threshold=0.5"},
      {"eval.prompts=[null, 'null', '', ' x ', 'true', '- a', '\u00fc\u2028', \"\\x04\\0\\x7f\\r\\t\"]"},
      {"eval.prompts=['null', ' x ', 'true', '- a', '\u00fc\u2028', \"\\x04\\0\\x7f\\r\\t\\\\\"]"},
      {"data.system_prompt='null'"},
      {"adapter.layers_to_transform=[0, 5-5, 6, 8-9, 11]"},
  };
  int loaded = 0;
  for (const auto& overrides : variants) {
    if (!error_of(minimal(), overrides).empty()) continue;
    const Recipe recipe = read(minimal(), overrides);
    const std::string resolved = resolved_yaml(recipe);
    EXPECT_EQ(read(resolved), recipe) << resolved;
    ++loaded;
  }
  EXPECT_EQ(loaded, static_cast<int>(variants.size()) - 1);  // null and '' are no prompts
}

TEST(Recipe, EachKeyIsDeclaredOnceWithHelp) {
  std::vector<std::string> names;
  for (const Field& field : recipe_schema().fields()) {
    EXPECT_FALSE(field.help_text.empty()) << field.full_name();
    EXPECT_EQ(std::count(names.begin(), names.end(), field.full_name()), 0) << field.full_name();
    names.push_back(field.full_name());
    for (const Condition& condition : field.conditions) EXPECT_TRUE(recipe_schema().find(condition.other));
    for (const std::string& other : field.excluded) EXPECT_TRUE(recipe_schema().find(other)) << other;
  }
}

TEST(Recipe, ReferenceIsCurrent) {
  EXPECT_EQ(read_file(SOURCE_ROOT "/docs/recipes.md"), recipe_reference_markdown())
      << "run: lorica recipe-docs > docs/recipes.md";
}

TEST(Recipe, AllRecipesLoad) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(SOURCE_ROOT "/recipes")) {
    if (entry.path().extension() != ".yaml") continue;
    ++count;
    EXPECT_NO_THROW({
      const Recipe recipe = load_recipe(entry.path());
      EXPECT_EQ(parse_recipe(resolved_yaml(recipe), "resolved"), recipe) << entry.path();
    }) << entry.path();
  }
  EXPECT_GE(count, 5);
}

TEST(Recipe, AFileThatIsNotThere) {
  try {
    load_recipe("nowhere/recipe.yaml");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "nowhere/recipe.yaml: cannot open: No such file or directory");
  }
}

}  // namespace
}  // namespace lorica::test
