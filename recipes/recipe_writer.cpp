#include <fmt/format.h>

#include "recipes/schema.h"

namespace lorica {
namespace {

constexpr const char* kSmallest = R"(model:
  path: models/smollm2-135m-instruct
data:
  train: data/train.jsonl
train:
  num_train_epochs: 3
output:
  dir: runs/support
)";

constexpr const char* kIntro = R"(# Recipes

<!-- Written by `lorica recipe-docs`. Change recipes/keys.cpp, then run `lorica recipe-docs > docs/recipes.md`. -->

A recipe is one YAML file that says what to train, on what, and how. The smallest one:

```yaml
{smallest}```

Every other key has a default. `lorica recipe RECIPE` checks a recipe and prints it with all its values; this is what
the one above stands for:

```yaml
{resolved}```

Rules:

- A key that is not in the tables below, a key given twice, and a key without a meaning beside the others are errors
  that name the file and the line.
- `--set section.key=value` overrides one key; the value is YAML, and an empty value or `null` takes the key out.
- Paths are relative to the current directory, not to the recipe.
- Times are written as `150s`, `8m`, `1h30m` or `2d`.
- YAML anchors and aliases work; tags, merge keys (`<<`) and several documents in one file do not.
- Names and meanings are those of PEFT's `LoraConfig` and Transformers' `TrainingArguments` where those have the key.
)";

/// Text for a cell of a Markdown table.
std::string cell(const std::string& text) {
  std::string safe;
  for (const char c : text) safe += c == '|' ? std::string("\\|") : std::string(1, c);
  return safe;
}

std::string default_cell(const Field& field) {
  if (!field.example.empty() && field.conditions.empty()) return "**required**";
  if (!field.example.empty())
    return fmt::format("**required** when {} {}", field.conditions[0].other, field.conditions[0].wanted);
  if (field.default_text.empty() || field.default_text == "\"\"" || field.default_text == "[]") return "not given";
  return field.default_text;
}

std::string meaning_cell(const Field& field) {
  std::string text = field.help_text;
  if (field.example.empty() && !field.conditions.empty()) {
    std::string when;
    for (const Condition& condition : field.conditions)
      when += fmt::format("{}{} {}", when.empty() ? "" : " and ", condition.other, condition.wanted);
    text += fmt::format(". Only when {}", when);
  }
  for (size_t i = 0; i < field.excluded.size(); ++i)
    text += (i == 0 ? ". Not beside " : " or ") + field.excluded[i].substr(field.section.size() + 1);
  return text;
}

}  // namespace

std::string resolved_yaml(const Recipe& recipe) {
  std::string text;
  const std::string* section = nullptr;
  for (const Field& field : recipe_schema().fields()) {
    if (!field.has_meaning(recipe)) continue;
    // where two keys exclude each other, the optional one is in force once it has a value
    bool overruled = false;
    for (const std::string& other : field.excluded) {
      const Field& rival = *recipe_schema().find(other);
      overruled |= rival.print(Recipe()).empty() && !rival.print(recipe).empty();
    }
    const std::string value = field.print(recipe);
    if (value.empty() || overruled) continue;
    if (!section || *section != field.section) text += fmt::format("{}:\n", field.section);
    section = &field.section;
    text += fmt::format("  {}: {}\n", field.name, value);
  }
  return text;
}

std::string recipe_reference_markdown() {
  const std::string resolved = resolved_yaml(parse_recipe(kSmallest, "smallest recipe"));
  std::string text = fmt::format(fmt::runtime(kIntro), fmt::arg("smallest", kSmallest), fmt::arg("resolved", resolved));
  for (const Schema::SectionInfo& section : recipe_schema().sections()) {
    text += fmt::format("\n## {}\n\n{}\n\n| Key | Type | Default | Allowed | Meaning |\n|---|---|---|---|---|\n",
                        section.name, section.help);
    for (const Field& field : recipe_schema().fields()) {
      if (field.section != section.name) continue;
      text += fmt::format("| `{}` | {} | {} | {} | {} |\n", field.name, field.type_name, cell(default_cell(field)),
                          cell(field.expected()), cell(meaning_cell(field)));
    }
  }
  return text;
}

}  // namespace lorica
