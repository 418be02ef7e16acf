#include "cli/verbs/model_options.h"

#include "recipes/value_types.h"

namespace lorica::cli {

SessionOptions ModelArguments::session_options() const {
  SessionOptions options;
  options.on = device_options(device, attention);
  options.precision = enum_named<Precision>(precision).value();
  options.adapter = adapter;
  options.chat_template = chat_template;
  return options;
}

void add_device_option(CLI::App* verb, std::string& device) {
  verb->add_option("--device", device, "cpu, cuda or auto (a GPU where there is one)")
      ->check(CLI::IsMember({"cpu", "cuda", "auto"}))
      ->capture_default_str();
}

void add_attention_option(CLI::App* verb, std::string& attention) {
  verb->add_option("--attention", attention, "kernels of attention on a GPU: mma, cudnn or auto (mma)")
      ->check(CLI::IsMember(names_of<AttentionKernel>()))
      ->capture_default_str();
}

DeviceOptions device_options(const std::string& device, const std::string& attention) {
  return {.device = enum_named<DeviceChoice>(device).value(),
          .attention = enum_named<AttentionKernel>(attention).value()};
}

void add_precision_option(CLI::App* verb, std::string& precision) {
  verb->add_option("--precision", precision, "f32, bf16 or auto (bf16 where the device is fast at it)")
      ->check(CLI::IsMember({"f32", "bf16", "auto"}))
      ->capture_default_str();
}

void add_model_options(CLI::App* verb, ModelArguments& arguments) {
  verb->add_option("--model", arguments.model, "model folder")->required();
  verb->add_option("--adapter", arguments.adapter, "PEFT adapter folder");
  verb->add_option("--chat-template", arguments.chat_template, "template file that overrides the model's own");
  verb->add_option("--system", arguments.system_prompt, "system prompt");
  add_device_option(verb, arguments.device);
  add_attention_option(verb, arguments.attention);
  add_precision_option(verb, arguments.precision);
}

void add_sampling_options(CLI::App* verb, GenerateOptions& options) {
  SamplingOptions& sampling = options.sampling;
  verb->add_option("--max-new-tokens", options.max_new_tokens, "longest answer")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  verb->add_option("--temperature", sampling.temperature, "0: always the likeliest token")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  verb->add_option("--top-k", sampling.top_k, "choose among the k likeliest; 0: off")
      ->check(CLI::Range(0, 1 << 30))
      ->capture_default_str();
  verb->add_option("--top-p", sampling.top_p, "choose among the likeliest that make up this probability")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  verb->add_option("--min-p", sampling.min_p, "leave out tokens below this share of the likeliest one's probability")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  verb->add_option("--repetition-penalty", sampling.repetition_penalty, "above 1 makes tokens seen before less likely")
      ->check(CLI::Range(0.01, 100.0))
      ->capture_default_str();
  verb->add_option("--seed", sampling.seed, "of the random draws")
      ->check([](const std::string& text) { return text.starts_with('-') ? "must not be negative, got " + text : ""; })
      ->capture_default_str();
  verb->add_option("--stop", options.stop, "text that ends an answer (may be given several times)")
      ->allow_extra_args(false)
      ->check([](const std::string& text) { return text.empty() ? "must not be empty" : ""; });
}

}  // namespace lorica::cli
