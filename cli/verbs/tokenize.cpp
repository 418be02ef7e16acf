#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "cli/verbs.h"
#include "cli/verbs/text_io.h"
#include "io/hub/hub.h"
#include "io/tokenizer/tokenizer.h"
#include "kernels/error.h"

namespace lorica::cli {
namespace {

struct Options {
  std::string model, input;
  bool special = false;
  bool jsonl = false;
};

std::string joined(const std::vector<int32_t>& ids, std::string_view separator) {
  return fmt::format("{}", fmt::join(ids, separator));
}

std::string text_of_line(std::string_view line) {
  const nlohmann::json value = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!value.is_string()) throw Error("expected a JSON string, got '{}'", line.substr(0, 60));
  return value.get<std::string>();
}

void run(const Options& options) {
  const auto tokenizer = Tokenizer::load(model_folder(options.model));
  const std::string input = read_input(options.input);
  const std::string name = options.input == "-" ? "standard input" : options.input;
  if (options.jsonl) {
    each_line(input, name, [&](std::string_view line) {
      print("[" + joined(tokenizer->encode(text_of_line(line), options.special), ",") + "]\n");
    });
    return;
  }
  std::vector<int32_t> ids;
  try {
    ids = tokenizer->encode(input, options.special);
  } catch (const Error& error) {
    throw Error("{}: {}", name, error.what());
  }
  print(joined(ids, " ") + "\n");
}

}  // namespace

void add_tokenize(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("tokenize", "Turns text into token ids");
  auto options = std::make_shared<Options>();
  verb->add_option("--model", options->model, "Model folder, or its tokenizer.json")->required();
  verb->add_option("input", options->input, "Text file, or - for standard input")->required();
  verb->add_flag("--special", options->special, "Add the tokens that begin and end a text");
  verb->add_flag("--jsonl", options->jsonl, "Each input line is a JSON string, each output line a JSON array of ids");
  verb->footer(
      "Special tokens that are written in the text are recognised.\n\n"
      "Example:\n  echo -n 'Hello world' | lorica tokenize --model Qwen3-0.6B -");
  verb->callback([options] { run(*options); });
}

}  // namespace lorica::cli
