#include "recipes/parity.h"

#include "cli/verbs/model_options.h"
#include "recipes/value_types.h"

namespace lorica::cli {

void add_parity(CLI::App& app) {
  auto options = std::make_shared<ParityOptions>();
  auto training = std::make_shared<ParityTraining>();
  auto precision = std::make_shared<std::string>("f32"), device = std::make_shared<std::string>("auto"),
       attention = std::make_shared<std::string>("auto");
  CLI::App* verb = app.add_subcommand("parity", "Compare this engine with a reference's numbers (docs/parity.md)");
  verb->add_option("MODEL_DIR", options->model, "model folder")->required();
  verb->add_option("GOLDEN", options->golden, "safetensors file with the reference's inputs and results")->required();
  verb->add_option("--adapter", options->adapter, "PEFT folder for the lora.* groups (default: MODEL_DIR/adapter)");
  verb->add_option("--tolerance", options->tolerance, "largest error, relative to the tensor's largest magnitude")
      ->capture_default_str();
  add_precision_option(verb, *precision);
  add_device_option(verb, *device);
  add_attention_option(verb, *attention);
  std::vector<CLI::Option*> flags;
  const auto flag = [&](const char* name, double& value, const char* help) {
    flags.push_back(verb->add_option(name, value, help)->capture_default_str());
  };
  flag("--learning-rate", training->learning_rate, "of lora.train.*; about.json beside GOLDEN gives it otherwise");
  flag("--adam-beta1", training->beta1, "likewise");
  flag("--adam-beta2", training->beta2, "likewise");
  flag("--adam-epsilon", training->eps, "likewise");
  flag("--weight-decay", training->weight_decay, "likewise");
  flag("--max-grad-norm", training->max_grad_norm, "likewise");
  verb->footer(
      "Example:\n  lorica parity models/smollm2-135m-instruct golden.safetensors --adapter runs/quickstart/adapter");
  verb->callback([options, training, precision, device, attention, flags] {
    for (const CLI::Option* option : flags)
      if (option->count() > 0) options->training = *training;
    options->precision = enum_named<Precision>(*precision).value();
    options->on = device_options(*device, *attention);
    if (!run_parity(*options)) throw CLI::RuntimeError(1);
  });
}

}  // namespace lorica::cli
