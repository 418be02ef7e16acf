#include <gtest/gtest.h>

#include "tests/recipes/recipe_test_support.h"

namespace lorica::test {
namespace {

TEST(RecipeErrors, UnknownKeysSuggestTheNearest) {
  EXPECT_EQ(error_of(minimal("adapter:\n  rnk: 8\n")),
            "recipe.yaml:9: adapter.rnk: unknown key; did you mean 'adapter.r'?");
  EXPECT_EQ(error_of(minimal("adapter:\n  rank: 8\n")),
            "recipe.yaml:9: adapter.rank: unknown key; did you mean 'adapter.r'?");
  EXPECT_EQ(error_of(minimal("  learning_rte: 1\n")),
            "recipe.yaml:8: train.learning_rte: unknown key; did you mean 'train.learning_rate'?");
  EXPECT_EQ(error_of(minimal("  lora_alpha: 1\n")),
            "recipe.yaml:8: train.lora_alpha: unknown key; did you mean 'adapter.lora_alpha'?");
  EXPECT_EQ(error_of(minimal("output_dir: x\n")), "recipe.yaml:8: output_dir: unknown key; did you mean 'output.dir'?");
  EXPECT_EQ(error_of(minimal("adaptor:\n  r: 8\n")), "recipe.yaml:8: adaptor: unknown key; did you mean 'adapter'?");
  EXPECT_EQ(error_of(minimal("wandb_project: x\n")), "recipe.yaml:8: wandb_project: unknown key");
  EXPECT_EQ(error_of(minimal("adapter.r: 8\n")),
            "recipe.yaml:8: adapter.r: write it as 'r' inside the section 'adapter'");
  EXPECT_EQ(error_of(minimal("adapter: {<<: {r: 8}}\n")),
            "recipe.yaml:8: adapter.<<: unknown key; did you mean 'adapter.r'?");
}

TEST(RecipeErrors, TypesAndRanges) {
  const auto adapter = [](const std::string& line) { return error_of(minimal("adapter:\n  " + line + "\n")); };
  EXPECT_EQ(adapter("r: sixteen"), "recipe.yaml:9: adapter.r: expected an integer from 1 to 4096, got 'sixteen'");
  EXPECT_EQ(adapter("r: 0"), "recipe.yaml:9: adapter.r: expected an integer from 1 to 4096, got '0'");
  EXPECT_EQ(adapter("r: 8.0"), "recipe.yaml:9: adapter.r: expected an integer from 1 to 4096, got '8.0'");
  EXPECT_EQ(adapter("r: \"8\""), "recipe.yaml:9: adapter.r: expected an integer from 1 to 4096, got '8'");
  EXPECT_EQ(adapter("r: 99999999999999999999"),
            "recipe.yaml:9: adapter.r: expected an integer from 1 to 4096, got '99999999999999999999'");
  EXPECT_EQ(adapter("r:"), "recipe.yaml:9: adapter.r: expected an integer from 1 to 4096, got nothing");
  EXPECT_EQ(adapter("r: [1]"), "recipe.yaml:9: adapter.r: expected an integer from 1 to 4096, got a list");
  EXPECT_EQ(adapter("r: {a: 1}"), "recipe.yaml:9: adapter.r: expected an integer from 1 to 4096, got a mapping");
  EXPECT_EQ(adapter("type: qlora"), "recipe.yaml:9: adapter.type: expected one of lora, none, got 'qlora'");
  EXPECT_EQ(adapter("lora_dropout: 1"),
            "recipe.yaml:9: adapter.lora_dropout: expected a number of at least 0 and below 1, got '1'");
  EXPECT_EQ(adapter("lora_alpha: .inf"), "recipe.yaml:9: adapter.lora_alpha: expected a number above 0, got '.inf'");
  EXPECT_EQ(adapter("lora_alpha: nan"), "recipe.yaml:9: adapter.lora_alpha: expected a number above 0, got 'nan'");
  EXPECT_EQ(adapter("use_rslora: yes"), "recipe.yaml:9: adapter.use_rslora: expected true or false, got 'yes'");
  EXPECT_EQ(adapter("target_modules: []"),
            "recipe.yaml:9: adapter.target_modules: expected a text or a list of texts, none of them empty, got an "
            "empty list");
  EXPECT_EQ(
      adapter("target_modules:\n    - q_proj\n    - [v_proj]"),
      "recipe.yaml:11: adapter.target_modules: expected a text or a list of texts, none of them empty, got a list");
  EXPECT_EQ(adapter("layers_to_transform: [3, 9-7]"),
            "recipe.yaml:9: adapter.layers_to_transform: expected a layer number, a range such as 20-29, or a list of "
            "these, got '9-7'");
  EXPECT_EQ(adapter("layers_to_transform: 0-99999999"),
            "recipe.yaml:9: adapter.layers_to_transform: expected a layer number, a range such as 20-29, or a list of "
            "these, got '0-99999999'");
  EXPECT_EQ(error_of(minimal("  learning_rate: 0\n")),
            "recipe.yaml:8: train.learning_rate: expected a number above 0, got '0'");
  EXPECT_EQ(error_of(minimal("save:\n  total_limit: 0\n")),
            "recipe.yaml:9: save.total_limit: expected an integer from 1 to 1000000000, got '0'");
  EXPECT_EQ(error_of("model:\n  path: ''\n"), "recipe.yaml:2: model.path: expected a text that is not empty, got ''");
  for (const char* bad : {"150", "5m1h", "1h1h", "m", "0s", "-5s", "1.2.3s", "1h 30m", "1e3s", "400d"})
    EXPECT_EQ(
        error_of(minimal("  time_budget: " + std::string(bad) + "\n")),
        "recipe.yaml:8: train.time_budget: expected a time such as 150s, 8m or 1h30m, above 0 and up to 365d, got '" +
            std::string(bad) + "'");
}

TEST(RecipeErrors, LongAndMultiLineValuesAreShownInOneLine) {
  EXPECT_EQ(error_of(minimal("adapter:\n  r: \"a\\nb\"\n")),
            "recipe.yaml:9: adapter.r: expected an integer from 1 to 4096, got 'a\\x0ab'");
  EXPECT_EQ(error_of(minimal("adapter:\n  r: " + std::string(59, 'x') + "\u00e9y\n")),
            "recipe.yaml:9: adapter.r: expected an integer from 1 to 4096, got '" + std::string(59, 'x') + "...'");
}

TEST(RecipeErrors, Duplicates) {
  EXPECT_EQ(error_of(minimal("  max_steps: 20\n")),
            "recipe.yaml:8: train.max_steps: given twice, first at recipe.yaml:7");
  EXPECT_EQ(error_of(minimal("data:\n  train: b\n")), "recipe.yaml:8: data: given twice, first at recipe.yaml:3");
}

TEST(RecipeErrors, MissingKeys) {
  EXPECT_EQ(error_of("model:\n  precision: f32\ndata: {train: t}\ntrain: {max_steps: 1}\noutput: {dir: o}\n"),
            "recipe.yaml:1: model.path: not given; write it under 'model:', for example 'path: "
            "models/smollm2-135m-instruct'");
  EXPECT_EQ(error_of("model: {path: m}\ntrain: {max_steps: 1}\noutput: {dir: o}\n"),
            "recipe.yaml: data.train: not given; write it under 'data:', for example 'train: data/train.jsonl'");
  EXPECT_EQ(error_of("model: {path: m}\ndata: {train: t}\ntrain: {max_steps: 1}\noutput:\n"),
            "recipe.yaml:4: output.dir: not given; write it under 'output:', for example 'dir: runs/support'");
  EXPECT_EQ(error_of("model: {path: m}\ndata: {train: t}\noutput: {dir: o}\ntrain:\n  seed: 1\n"),
            "recipe.yaml:4: train: nothing ends the run; write max_steps, num_train_epochs or time_budget under "
            "'train:', for example 'num_train_epochs: 1'");
}

TEST(RecipeErrors, Sources) {
  const auto error_in = [](const std::string& item, const std::string& before = "") {
    return error_of("model: {path: m}\ndata:\n" + before + "  train:\n  - t\n  - " + item + "\n");
  };
  EXPECT_EQ(error_in("path: a\n    promt_column: q"),
            "recipe.yaml:6: data.train: promt_column: unknown key of a source; did you mean 'data.prompt_column'?");
  EXPECT_EQ(error_in("path: a\n    max_tokens: 5"),
            "recipe.yaml:6: data.train: max_tokens: unknown key of a source; did you mean 'data.max_tokens'?");
  EXPECT_EQ(error_in("path: a\n    weight: 1\n    weight: 2"),
            "recipe.yaml:7: data.train: weight: given twice, first in line 6");
  EXPECT_EQ(error_in("weight: 1"),
            "recipe.yaml:5: data.train: a source without a path; write {path: data/a.jsonl, ...}");
  EXPECT_EQ(error_in("path: [a]"), "recipe.yaml:5: data.train: path: expected a text that is not empty, got a list");
  EXPECT_EQ(error_in("path: a\n    weight: 0"),
            "recipe.yaml:6: data.train: weight: expected a number above 0, got '0'");
  EXPECT_EQ(error_in("path: a\n    format: jsonl").substr(0, 58),
            "recipe.yaml:6: data.train: format: expected one of auto, c");
  EXPECT_EQ(error_in("[a]"),
            "recipe.yaml:5: data.train: expected a path, or a list of paths and of mappings such as {path: "
            "data/a.jsonl, weight: 2}, got a list");
  EXPECT_EQ(
      error_in("path: a\n    format: chat\n    text_column: t"),
      "recipe.yaml:7: data.train: text_column: used only when format is auto, text or classification, but that is "
      "chat");
  EXPECT_EQ(
      error_in("path: a\n    text_column: t", "  format: chat\n"),
      "recipe.yaml:7: data.train: text_column: used only when format is auto, text or classification, but that is "
      "chat");
  EXPECT_EQ(error_of(minimal(), {"data.eval={path: a, weight: -1}"}),
            "--set data.eval: weight: expected a number above 0, got '-1'");
}

TEST(RecipeErrors, Contradictions) {
  EXPECT_EQ(error_of("model: {path: m}\ndata:\n  train:\n  - {path: t, format: classification}\ntrain: {max_steps: 1}\n"
                     "output: {dir: o}\n"),
            "recipe.yaml:3: model.task: causal_lm does not go with the format of a source in data.train, {path: t, "
            "format: classification} (recipe.yaml:3)");
  EXPECT_EQ(error_of(minimal("adapter:\n  type: none\n  r: 8\n")),
            "recipe.yaml:10: adapter.r: used only when adapter.type is lora, but that is none (recipe.yaml:9)");
  EXPECT_EQ(error_of(minimal("adapter:\n  path: a\n  type: none\n")),
            "recipe.yaml:9: adapter.path: used only when adapter.type is lora, but that is none (recipe.yaml:10)");
  EXPECT_EQ(error_of(minimal("adapter: {type: none,\n  layers_to_transform: 1-2}\n")),
            "recipe.yaml:9: adapter.layers_to_transform: used only when adapter.type is lora, but that is none "
            "(recipe.yaml:8)");
  EXPECT_EQ(error_of(minimal("adapter:\n  path: a\n  r: 16\n")),
            "recipe.yaml:10: adapter.r: used only when adapter.path is not given, but that is a (recipe.yaml:9)");
  EXPECT_EQ(error_of(minimal("  warmup_ratio: 0.1\n  warmup_steps: 5\n")),
            "recipe.yaml:8: train.warmup_ratio: cannot be given beside train.warmup_steps (recipe.yaml:9)");
  EXPECT_EQ(error_of(minimal("  tokens_per_step: 5\n  examples_per_step: 5\n")),
            "recipe.yaml:9: train.examples_per_step: cannot be given beside train.tokens_per_step (recipe.yaml:8)");
  EXPECT_EQ(
      error_of(minimal("  tokens_per_step: 5\n  gradient_accumulation_steps: 5\n")),
      "recipe.yaml:8: train.tokens_per_step: cannot be given beside train.gradient_accumulation_steps (recipe.yaml:9)");
  EXPECT_EQ(error_of(minimal("eval:\n  steps: 5\n")),
            "recipe.yaml:9: eval.steps: used only when data.eval is given, but that is not given");
  const std::vector<std::string> with_eval = {"data.eval=e.jsonl"};
  EXPECT_EQ(
      error_of(minimal("eval:\n  early_stopping_patience: 5\n"), with_eval),
      "recipe.yaml:9: eval.early_stopping_patience: used only when eval.steps is above 0, but that is 0 (its default)");
  EXPECT_EQ(
      error_of(minimal("eval:\n  steps: 5\n  early_stopping_threshold: 0.1\n"), with_eval),
      "recipe.yaml:10: eval.early_stopping_threshold: used only when eval.early_stopping_patience is above 0, but "
      "that is 0 (its default)");
  EXPECT_EQ(error_of(minimal("eval:\n  max_new_tokens: 5\n")),
            "recipe.yaml:9: eval.max_new_tokens: used only when eval.prompts is given, but that is not given");
  EXPECT_EQ(error_of("model: {path: m}\ndata:\n  train: t\n  format: chat\n  prompt_column: q\n"),
            "recipe.yaml:5: data.prompt_column: used only when data.format is auto, prompt_response, alpaca or "
            "preference, but that is chat (recipe.yaml:4)");
  EXPECT_EQ(error_of(minimal("adapter:\n  target_modules: [all-linear, q_proj]\n")),
            "recipe.yaml:9: adapter.target_modules: [all-linear, q_proj] names all-linear beside other modules");
  EXPECT_EQ(
      error_of(minimal("  micro_batch_tokens: 512\n")),
      "recipe.yaml:8: train.micro_batch_tokens: 512 cannot hold one example of data.max_tokens, 1024 (its default)");
  EXPECT_EQ(error_of(minimal(), {"data.max_tokens=4096"}),
            "--set data.max_tokens: train.micro_batch_tokens: 2048 cannot hold one example of data.max_tokens, 4096 "
            "(--set data.max_tokens)");
}

TEST(RecipeErrors, WhicheverEndsTheRunFirstIsNoContradiction) {
  EXPECT_EQ(error_of(minimal("  num_train_epochs: 0.5\n  time_budget: 8m\n")), "");
}

TEST(RecipeErrors, Yaml) {
  EXPECT_EQ(error_of(""), "recipe.yaml: the recipe is empty");
  EXPECT_EQ(error_of("# nothing but a comment\n"), "recipe.yaml: the recipe is empty");
  EXPECT_EQ(error_of("\n- a\n"), "recipe.yaml:2: expected sections of keys (model, data, ...), got a list");
  EXPECT_EQ(error_of("hello"), "recipe.yaml:1: expected sections of keys (model, data, ...), got 'hello'");
  EXPECT_EQ(error_of("data: m\n"), "recipe.yaml:1: data: expected a section of keys, got 'm'");
  EXPECT_EQ(error_of("model:\n  path: m\n   x: y\n"), "recipe.yaml:3:5: illegal map value");
  EXPECT_EQ(error_of("model:\n  path: \"m\n"), "recipe.yaml:2:9: this quote is never closed");
  EXPECT_EQ(error_of("\xef\xbb\xbfmodel: {path: &a 'it''s}\n"), "recipe.yaml:1:15: this quote is never closed");
  EXPECT_EQ(error_of(minimal("eval: {prompts: [\"a\\\"\", 'b''c', \"\u00fc\" , &c 'd']}\n")), "");
  // the words are the library's, and differ between its versions
  EXPECT_TRUE(error_of("model: {path: *base}\n").starts_with("recipe.yaml:1:15: the referenced anchor is not defined"));
  EXPECT_EQ(error_of("model: &a {path: [*a]}\n"), "recipe.yaml:1:19: this alias stands inside its own anchor");
  EXPECT_EQ(error_of(minimal("---\nmodel: {}\n")),
            "recipe.yaml:8: a second document begins here; a recipe is one document");
  EXPECT_EQ(error_of("model:\n  path: !!str m\n"), "recipe.yaml:2:9: tags (!...) are not used in recipes");
  EXPECT_EQ(error_of("? [a]\n: b\n"), "recipe.yaml:1:3: expected the name of a key");
  EXPECT_EQ(error_of("model:\n  path: a\x04z\n"), "recipe.yaml:2:10: control character 0x04 is not allowed");
  EXPECT_EQ(error_of("model:\n  path: caf\xe9\n"), "recipe.yaml:2:12: byte 0xe9 is not UTF-8");
  EXPECT_TRUE(error_of(std::string(100, '[')).ends_with(": nested too deeply"));
  EXPECT_EQ(error_of("#" + std::string(1 << 20, ' ')),
            "recipe.yaml:1: 1048577 bytes, which is more than the 1048576 allowed");
}

TEST(RecipeErrors, Overrides) {
  EXPECT_EQ(error_of(minimal(), {"adapter.rnk=8"}), "--set adapter.rnk: unknown key; did you mean 'adapter.r'?");
  EXPECT_EQ(error_of(minimal(), {"adapter.r=0"}), "--set adapter.r: expected an integer from 1 to 4096, got '0'");
  EXPECT_EQ(error_of(minimal(), {"adapter.target_modules=[a,\n[b]]"}),
            "--set adapter.target_modules: expected a text or a list of texts, none of them empty, got a list");
  EXPECT_EQ(error_of(minimal(), {"adapter.r"}), "--set adapter.r: expected section.key=value");
  EXPECT_EQ(error_of(minimal(), {"=8"}), "--set =8: expected section.key=value");
  EXPECT_EQ(error_of(minimal(), {"adapter={r: 8}"}),
            "--set adapter: this is a section; name one of its keys, section.key=value");
  EXPECT_EQ(error_of(minimal(), {"adapter.r=[8"}),
            "--set adapter.r: the value is not YAML: end of sequence flow not found");
  EXPECT_EQ(error_of(minimal("adapter:\n  r: 8\n"), {"adapter.type=none"}),
            "recipe.yaml:9: adapter.r: used only when adapter.type is lora, but that is none (--set adapter.type)");
  EXPECT_EQ(error_of(minimal(), {"output.dir="}),
            "recipe.yaml:5: output.dir: not given; write it under 'output:', for example 'dir: runs/support'");
}

}  // namespace
}  // namespace lorica::test
