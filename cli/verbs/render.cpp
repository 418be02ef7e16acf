#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/verbs.h"
#include "io/chat_template/chat_template.h"
#include "io/formats/file_bytes.h"
#include "kernels/error.h"

namespace lorica::cli {

namespace {

using nlohmann::ordered_json;

struct Options {
  std::string model, template_file, messages, tools;
  std::optional<std::string> bos_token, eos_token;
  bool add_generation_prompt = false;
};

ordered_json read_json(const std::string& path) {
  try {
    return ordered_json::parse(read_file(path));
  } catch (const nlohmann::json::exception& error) {
    throw Error("{}: {}", path, error.what());
  }
}

ModelTemplate load(const Options& options) {
  if (!options.model.empty()) return load_chat_template(options.model);
  return {std::make_shared<const ChatTemplate>(read_file(options.template_file), options.template_file), "", ""};
}

void render(const Options& options) {
  const ModelTemplate model = load(options);
  ordered_json messages = read_json(options.messages);
  if (messages.is_object() && messages.contains("messages")) messages = ordered_json(messages["messages"]);
  RenderOptions rendering;
  rendering.add_generation_prompt = options.add_generation_prompt;
  rendering.bos_token = options.bos_token.value_or(model.bos_token);
  rendering.eos_token = options.eos_token.value_or(model.eos_token);
  if (!options.tools.empty()) rendering.tools = std::make_shared<const ordered_json>(read_json(options.tools));
  fmt::print("{}", model.chat->render(messages, rendering));
}

}  // namespace

void add_render(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("render", "Print a conversation as a chat template renders it, byte for byte");
  auto* model = verb->add_option("--model", options->model, "model folder whose chat template and tokens are used");
  auto* file = verb->add_option("--template", options->template_file, "file with a chat template (Jinja)");
  model->excludes(file);
  verb->add_option("--messages", options->messages, "JSON file: an array of messages, or an object with \"messages\"")
      ->required();
  verb->add_option("--tools", options->tools, "JSON file: an array of tool schemas");
  verb->add_flag("--add-generation-prompt", options->add_generation_prompt, "end where the assistant's reply begins");
  verb->add_option("--bos-token", options->bos_token, "text of bos_token in the template");
  verb->add_option("--eos-token", options->eos_token, "text of eos_token in the template");
  verb->footer(
      "Examples:\n  lorica render --model models/smollm2 --messages chat.json --add-generation-prompt\n"
      "  lorica render --template my.jinja --messages chat.json --eos-token '</s>' | diff - expected.txt");
  verb->callback([options] {
    if (options->model.empty() == options->template_file.empty()) {
      throw Error("lorica render needs --model or --template");
    }
    render(*options);
  });
}

}  // namespace lorica::cli
