#include <unistd.h>

#include <cstdio>

#include "cli/verbs.h"
#include "io/data/lint.h"
#include "io/data/loaded_text.h"
#include "io/data/preview.h"
#include "io/data/preview_html.h"
#include "io/formats/file_bytes.h"
#include "recipes/classes.h"
#include "recipes/setup.h"
#include "recipes/text_side.h"

namespace lorica::cli {
namespace {

struct Arguments {
  std::string recipe;
  std::vector<std::string> set;
  PreviewOptions preview;
  std::string page;
};

std::shared_ptr<Arguments> add_common(CLI::App* verb) {
  auto arguments = std::make_shared<Arguments>();
  verb->add_option("RECIPE", arguments->recipe, "recipe file; its model and data sections are read")->required();
  verb->add_option("--set", arguments->set, "override a key of the recipe: section.key=value")->allow_extra_args(false);
  return arguments;
}

template <class Run>
void with_data(const Arguments& arguments, Run&& run) {
  const Recipe recipe = load_recipe(arguments.recipe, arguments.set);
  const TextFolder folder = load_text_folder(recipe.model.path, recipe.data.chat_template);
  const LoadedText text(folder.tokenizer, folder.chat);
  run(data_options(recipe, find_classes(recipe, existing_model_folder(recipe.model.path))), text.model());
}

}  // namespace

void add_data(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("data", "Look at training data as the model will see it");
  verb->require_subcommand(1);

  CLI::App* preview = verb->add_subcommand("preview", "Show documents with their trained tokens marked, and counts");
  auto shown = add_common(preview);
  preview->add_option("-n", shown->preview.count, "documents to show")
      ->check(CLI::Range(0, 1 << 30))
      ->capture_default_str();
  preview->add_option("--html", shown->page, "write the documents to this file, as a page with every token's id");
  preview->footer(
      "Examples:\n"
      "  lorica data preview recipes/quickstart.yaml -n 2\n"
      "  lorica data preview recipes/quickstart.yaml -n 50 --html preview.html");
  preview->callback([shown] {
    shown->preview.colour = ::isatty(STDOUT_FILENO) == 1;
    with_data(*shown, [&](const DataOptions& options, const TextModel& model) {
      if (shown->page.empty()) {
        std::fputs(preview_data(options, model, shown->preview).c_str(), stdout);
        return;
      }
      const LoadedData loaded = inspect_data(options, model);
      write_file_atomically(shown->page, preview_page(loaded, *model.tokenizer, shown->preview.count));
      std::fputs(summary_text(loaded).c_str(), stdout);
    });
  });

  CLI::App* lint = verb->add_subcommand("lint", "Check the data; exits with 1 where training would refuse it");
  auto linted = add_common(lint);
  lint->footer("Example:\n  lorica data lint recipes/quickstart.yaml");
  lint->callback([linted] {
    with_data(*linted, [&](const DataOptions& options, const TextModel& model) {
      const LintReport report = lint_data(options, model);
      std::fputs(report.text.c_str(), stdout);
      if (report.refuses) throw CLI::RuntimeError(1);
    });
  });
}

}  // namespace lorica::cli
