#include <cstdio>

#include "cli/verbs/model_options.h"
#include "io/data/dataset.h"
#include "io/data/loaded_text.h"
#include "recipes/evaluate.h"
#include "recipes/memory.h"
#include "recipes/progress.h"

namespace lorica::cli {
namespace {

struct Arguments {
  ModelArguments model;
  DataSource data;
  DataOptions options;
  std::vector<std::string> files;
  int64_t micro_batch_tokens = 2048;
};

void print_row(const std::string& name, const EvalResult& result) {
  fmt::print("{:<32} {:>10.4f} {:>12.3f} {:>10} {:>10}\n", name, result.loss(), result.perplexity(),
             result.trained_tokens, result.tokens);
}

void evaluate_files(Arguments& arguments) {
  Session session(arguments.model.model, arguments.model.session_options());
  const LoadedText text(session.text().tokenizer, session.chat_template());
  arguments.data.files = {arguments.files.begin(), arguments.files.end()};
  arguments.data.system_prompt = arguments.model.system_prompt;
  if (!arguments.data.prompt_column.empty()) arguments.data.format = DataFormat::kPromptResponse;
  arguments.options.eval = {arguments.data};
  const LoadedData data = load_data(arguments.options, text.model());
  for (const Finding& finding : data.findings.list()) fmt::print(stderr, "{}\n", finding.text());
  const Evaluation result = evaluate(session.model(), data.eval.examples, arguments.micro_batch_tokens);
  fmt::print("{:<32} {:>10} {:>12} {:>10} {:>10}\n", "", "loss", "perplexity", "trained", "tokens");
  for (const auto& [slice, part] : result.slices) print_row(slice, part);
  print_row("all", result.all);
  fmt::print(stderr, "peak memory {}\n", bytes_text(peak_resident_bytes()));
}

}  // namespace

void add_eval(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  arguments->data.prompt_column.clear();
  arguments->data.response_column.clear();
  CLI::App* verb = app.add_subcommand("eval", "Loss and perplexity of a model on conversations, by slice if wanted");
  add_model_options(verb, arguments->model);
  verb->add_option("FILES", arguments->files, "JSONL or CSV files")->required();
  verb->add_option("--messages-column", arguments->data.messages_column, "of chats")->capture_default_str();
  auto* prompt = verb->add_option("--prompt-column", arguments->data.prompt_column, "for prompt and response columns");
  auto* response = verb->add_option("--response-column", arguments->data.response_column, "likewise");
  prompt->needs(response);
  response->needs(prompt);
  verb->add_option("--slice-column", arguments->data.slice_column, "a row of the result for each value of this column");
  verb->add_option("--max-tokens", arguments->options.max_tokens, "longer rows are left out")
      ->check(CLI::Range(2, 1 << 20))
      ->capture_default_str();
  verb->add_option("--micro-batch-tokens", arguments->micro_batch_tokens, "tokens run at once")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  verb->footer(
      "Example:\n"
      "  lorica eval --model models/smollm2-135m-instruct --adapter runs/quickstart/adapter \\\n"
      "      recipes/data/bitext/heldout.jsonl --slice-column intent");
  verb->callback([arguments] { evaluate_files(*arguments); });
}

}  // namespace lorica::cli
