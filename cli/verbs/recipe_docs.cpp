#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "cli/verbs.h"
#include "recipes/recipe.h"

namespace lorica::cli {

void add_recipe_docs(CLI::App& app) {
  app.add_subcommand("recipe-docs", "print the reference of all recipe keys as Markdown")
      ->footer("Example:  lorica recipe-docs > docs/recipes.md")
      ->callback([] { std::fputs(recipe_reference_markdown().c_str(), stdout); });
}

void add_recipe(CLI::App& app) {
  struct Options {
    std::string path;
    std::vector<std::string> overrides;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("recipe", "check a recipe and print it with all its values");
  verb->add_option("RECIPE", options->path, "the recipe, a YAML file")->required();
  verb->add_option("--set", options->overrides, "override one key: section.key=value (repeatable)")
      ->allow_extra_args(false);
  verb->footer("Example:  lorica recipe recipes/quickstart.yaml --set train.time_budget=5m");
  verb->callback(
      [options] { std::fputs(resolved_yaml(load_recipe(options->path, options->overrides)).c_str(), stdout); });
}

}  // namespace lorica::cli
