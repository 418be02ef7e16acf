#include <charconv>

#include "cli/verbs.h"
#include "recipes/stop_signal.h"
#include "recipes/trainer.h"

namespace lorica::cli {
namespace {

ProfiledSteps profiled_steps(const std::string& text) {
  ProfiledSteps steps;
  if (text.empty()) return steps;
  const char* const end = text.data() + text.size();
  const auto [colon, failure] = std::from_chars(text.data(), end, steps.first);
  const bool split = failure == std::errc() && colon != end && *colon == ':';
  const auto last = split ? std::from_chars(colon + 1, end, steps.last) : std::from_chars_result{colon, failure};
  if (!split || last.ec != std::errc() || last.ptr != end || steps.first < 1 || steps.last < steps.first)
    throw Error("--profile: expected FIRST:LAST, steps from 1 on, got '{}'", text);
  return steps;
}

}  // namespace

void add_train(CLI::App& app) {
  struct Arguments {
    std::string recipe;
    std::vector<std::string> set;
    std::string profile;
    bool no_graphs = false;
    TrainOptions options;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("train", "Fine-tune a model by a recipe");
  verb->add_option("RECIPE", arguments->recipe, "recipe file (docs/recipes.md)")->required();
  verb->add_option("--set", arguments->set, "override a key of the recipe: section.key=value")->allow_extra_args(false);
  auto* resume = verb->add_flag("--resume", arguments->options.resume, "go on from the run folder's newest checkpoint");
  verb->add_flag("--overwrite", arguments->options.overwrite, "remove what the run folder holds, and start anew")
      ->excludes(resume);
  verb->add_option(
      "--profile", arguments->profile,
      "FIRST:LAST, the steps that a profiler records (nsys -c cudaProfilerApi, ncu --profile-from-start off)");
  verb->add_flag("--no-graphs", arguments->no_graphs, "launch each kernel of a step on its own (GPU only)");
  verb->footer(
      "Examples:\n"
      "  lorica train recipes/quickstart.yaml\n"
      "  lorica train recipes/quickstart.yaml --set train.learning_rate=1e-3 --set output.dir=runs/other\n"
      "  lorica train recipes/quickstart.yaml --resume");
  verb->callback([arguments] {
    try {
      TrainOptions& options = arguments->options;
      options.trainer = {.graphs = !arguments->no_graphs, .profile = profiled_steps(arguments->profile)};
      const Recipe recipe = load_recipe(arguments->recipe, arguments->set);
      options.device_place = place_of_key(arguments->recipe, arguments->set, "model.device");
      options.attention_place = place_of_key(arguments->recipe, arguments->set, "model.attention");
      train(recipe, options);
    } catch (const Interrupted& stop) {
      throw CLI::RuntimeError(128 + stop.signal);
    }
  });
}

}  // namespace lorica::cli
