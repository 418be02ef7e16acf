#include <fmt/format.h>

#include <memory>

#include "cli/verbs.h"
#include "io/formats/describe.h"
#include "io/hub/hub.h"

namespace lorica::cli {

void add_info(CLI::App& app) {
  auto path = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("info", "Say what a model folder, an adapter folder or a weight file holds");
  verb->add_option("PATH", *path, "a model folder, a PEFT adapter folder, a .safetensors file or a GGUF file")
      ->required();
  verb->footer("Examples:\n  lorica info models/smollm2\n  lorica info runs/support/adapter\n  lorica info model.gguf");
  verb->callback([path] { fmt::print("{}", describe_path(model_folder(*path))); });
}

}  // namespace lorica::cli
