#include "recipes/init_model.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "cli/verbs.h"

namespace lorica::cli {

void add_init(CLI::App& app) {
  auto options = std::make_shared<InitOptions>();
  auto dtype = std::make_shared<std::string>("bf16");
  CLI::App* verb = app.add_subcommand("init", "Write a model folder with random weights, without a tokenizer");
  verb->add_option("CONFIG", options->config, "config.json of a supported family")->required();
  verb->add_option("OUT_DIR", options->to, "the folder to write; it must be new or empty")->required();
  verb->add_option("--seed", options->seed, "the same seed gives the same weights")->capture_default_str();
  verb->add_option("--dtype", *dtype, "dtype of the weights")
      ->check(CLI::IsMember({"bf16", "f32"}))
      ->capture_default_str();
  verb->add_flag("--overwrite", options->overwrite, "write into a folder that is not empty");
  verb->footer("Example:\n  lorica init bench/configs/smollm2-135m.json random-135m --seed 1");
  verb->callback([options, dtype] {
    if (*dtype == "f32") options->dtype = Dtype::f32;
    const InitResult result = init_model(*options);
    fmt::print("{}: {} tensors, {} parameters, {}, {} file{} of weights\n", options->to.string(), result.tensors,
               result.parameters, name_of(options->dtype), result.files, result.files == 1 ? "" : "s");
  });
}

}  // namespace lorica::cli
