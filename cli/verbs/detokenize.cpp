#include <charconv>
#include <limits>
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
  bool skip_special = false;
  bool jsonl = false;
};

std::vector<int32_t> ids_of_line(std::string_view line) {
  const nlohmann::json value = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!value.is_array()) throw Error("expected a JSON array of ids, got '{}'", line.substr(0, 60));
  std::vector<int32_t> ids;
  for (const nlohmann::json& id : value) {
    constexpr uint64_t kMost = std::numeric_limits<int32_t>::max();
    if (!id.is_number_unsigned() || id.get<uint64_t>() > kMost)
      throw Error("expected a token id, got {}", id.dump(-1, ' ', true).substr(0, 60));
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

std::vector<int32_t> ids_of_words(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r";
  std::vector<int32_t> ids;
  for (size_t at = line.find_first_not_of(kSpace); at != std::string_view::npos;) {
    const size_t end = std::min(line.find_first_of(kSpace, at), line.size());
    const std::string_view word = line.substr(at, end - at);
    int32_t id = 0;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || stop != word.data() + word.size() || id < 0)
      throw Error("expected a token id, got '{}'", word.substr(0, 60));
    ids.push_back(id);
    at = line.find_first_not_of(kSpace, end);
  }
  return ids;
}

void run(const Options& options) {
  const auto tokenizer = Tokenizer::load(model_folder(options.model));
  const std::string input = read_input(options.input);
  const std::string name = options.input == "-" ? "standard input" : options.input;
  if (options.jsonl) {
    each_line(input, name, [&](std::string_view line) {
      print(nlohmann::json(tokenizer->decode(ids_of_line(line), options.skip_special)).dump() + "\n");
    });
    return;
  }
  StreamDecoder decoder(*tokenizer, options.skip_special);
  each_line(input, name, [&](std::string_view line) {
    for (const int32_t id : ids_of_words(line)) print(decoder.push(id));
  });
  print(decoder.finish());
}

}  // namespace

void add_detokenize(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("detokenize", "Turns token ids into text");
  auto options = std::make_shared<Options>();
  verb->add_option("--model", options->model, "Model folder, or its tokenizer.json")->required();
  verb->add_option("input", options->input, "File of ids, or - for standard input")->required();
  verb->add_flag("--skip-special", options->skip_special, "Leave special tokens out");
  verb->add_flag("--jsonl", options->jsonl, "Each input line is a JSON array of ids, each output line a JSON string");
  verb->footer(
      "The text is written as it is, with no line end of its own.\n\n"
      "Example:\n  echo 9707 1879 | lorica detokenize --model Qwen3-0.6B -");
  verb->callback([options] { run(*options); });
}

}  // namespace lorica::cli
