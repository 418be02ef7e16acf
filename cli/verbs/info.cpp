#include <fmt/format.h>

#include <memory>

#include "cli/verbs.h"
#include "io/formats/describe.h"
#include "io/hub/hub.h"
#include "kernels/context.h"

namespace lorica::cli {

void add_info(CLI::App& app) {
  auto path = std::make_shared<std::string>();
  auto device = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand(
      "info", "Say what a model folder, an adapter folder or a weight file holds, or what a device is");
  verb->add_option("PATH", *path, "a model folder, a PEFT adapter folder, a .safetensors file or a GGUF file");
  verb->add_option("--device", *device, "say what this device is and which libraries were found for it: cpu or cuda")
      ->check(CLI::IsMember({"cpu", "cuda"}));
  verb->footer(
      "Examples:\n  lorica info models/smollm2\n  lorica info runs/support/adapter\n  lorica info model.gguf\n  lorica "
      "info --device cuda");
  verb->callback([path, device] {
    if (device->empty() && path->empty()) throw Error("info: give a PATH or --device cpu|cuda");
    if (!device->empty()) {
      Context context(*device == "cuda" ? Device::kCuda : Device::kCpu);
      fmt::print("{}", describe(context));
    }
    if (!path->empty()) fmt::print("{}", describe_path(model_folder(*path)));
  });
}

}  // namespace lorica::cli
