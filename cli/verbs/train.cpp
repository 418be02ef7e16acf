#include "cli/verbs.h"
#include "recipes/stop_signal.h"
#include "recipes/trainer.h"

namespace lorica::cli {

void add_train(CLI::App& app) {
  struct Arguments {
    std::string recipe;
    std::vector<std::string> set;
    TrainOptions options;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("train", "Fine-tune a model by a recipe");
  verb->add_option("RECIPE", arguments->recipe, "recipe file (docs/recipes.md)")->required();
  verb->add_option("--set", arguments->set, "override a key of the recipe: section.key=value")->allow_extra_args(false);
  auto* resume = verb->add_flag("--resume", arguments->options.resume, "go on from the run folder's newest checkpoint");
  verb->add_flag("--overwrite", arguments->options.overwrite, "remove what the run folder holds, and start anew")
      ->excludes(resume);
  verb->footer(
      "Examples:\n"
      "  lorica train recipes/quickstart.yaml\n"
      "  lorica train recipes/quickstart.yaml --set train.learning_rate=1e-3 --set output.dir=runs/other\n"
      "  lorica train recipes/quickstart.yaml --resume");
  verb->callback([arguments] {
    try {
      train(load_recipe(arguments->recipe, arguments->set), arguments->options);
    } catch (const Interrupted& stop) {
      throw CLI::RuntimeError(128 + stop.signal);
    }
  });
}

}  // namespace lorica::cli
