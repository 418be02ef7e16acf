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
  bool by_class = false;
};

void print_row(const std::string& name, const EvalResult& result) {
  fmt::print("{:<32} {:>10.4f} {:>12.3f} {:>10} {:>10}\n", name, result.loss(), result.perplexity(),
             result.trained_tokens, result.tokens);
}

void print_class_row(const std::string& name, const EvalResult& result) {
  fmt::print("{:<32} {:>10.4f} {:>10.4f} {:>10.4f} {:>10} {:>10}\n", name, result.loss(), result.accuracy(),
             result.macro_f1(), result.trained_tokens, result.tokens);
}

void print_classes(const std::vector<std::string>& labels, const std::vector<ClassCounts>& classes) {
  fmt::print("\n{:<32} {:>10} {:>10} {:>10} {:>10} {:>10}\n", "class", "precision", "recall", "F1", "texts",
             "predicted");
  for (size_t i = 0; i < classes.size(); ++i) {
    const ClassCounts& c = classes[i];
    fmt::print("{:<32} {:>10.4f} {:>10.4f} {:>10.4f} {:>10} {:>10}\n", labels[i], c.precision(), c.recall(), c.f1(),
               c.actual, c.predicted);
  }
}

void print_result(const ModelConfig& model, const Evaluation& result, bool by_class) {
  const bool classifier = model.classes() > 0;
  if (classifier)
    fmt::print("{:<32} {:>10} {:>10} {:>10} {:>10} {:>10}\n", "", "loss", "accuracy", "macro F1", "texts", "tokens");
  else
    fmt::print("{:<32} {:>10} {:>12} {:>10} {:>10}\n", "", "loss", "perplexity", "trained", "tokens");
  const auto print = classifier ? print_class_row : print_row;
  for (const auto& [slice, part] : result.slices) print(slice, part);
  print("all", result.all);
  if (classifier && by_class) print_classes(model.labels, result.all.classes);
}

void evaluate_files(Arguments& arguments) {
  Session session(arguments.model.model, arguments.model.session_options());
  const LoadedText text(session.text().tokenizer, session.chat_template());
  arguments.data.files = {arguments.files.begin(), arguments.files.end()};
  arguments.data.system_prompt = arguments.model.system_prompt;
  if (!arguments.data.prompt_column.empty()) arguments.data.format = DataFormat::kPromptResponse;
  const ModelConfig& model = session.model().config();
  if (model.classes() > 0) arguments.data.format = DataFormat::kClassification;
  if (model.classes() == 0 && arguments.by_class) throw Error("--by-class: a language model has no classes");
  arguments.options.labels = model.labels;
  arguments.options.eval = {arguments.data};
  const LoadedData data = load_data(arguments.options, text.model());
  for (const Finding& finding : data.findings.list()) fmt::print(stderr, "{}\n", finding.text());
  const Evaluation result = evaluate(session.model(), data.eval.examples, arguments.micro_batch_tokens);
  print_result(model, result, arguments.by_class);
  fmt::print(stderr, "peak memory {}\n", bytes_text(peak_resident_bytes()));
}

}  // namespace

void add_eval(CLI::App& app) {
  auto arguments = std::make_shared<Arguments>();
  arguments->data.prompt_column.clear();
  arguments->data.response_column.clear();
  CLI::App* verb =
      app.add_subcommand("eval", "Loss and perplexity of a model on conversations, accuracy and F1 of a classifier");
  add_model_options(verb, arguments->model);
  verb->add_option("FILES", arguments->files, "JSONL or CSV files")->required();
  verb->add_option("--messages-column", arguments->data.messages_column, "of chats")->capture_default_str();
  auto* prompt = verb->add_option("--prompt-column", arguments->data.prompt_column, "for prompt and response columns");
  auto* response = verb->add_option("--response-column", arguments->data.response_column, "likewise");
  prompt->needs(response);
  response->needs(prompt);
  verb->add_option("--text-column", arguments->data.text_column, "for a classifier: the text")->capture_default_str();
  verb->add_option("--label-column", arguments->data.label_column, "likewise: the name of the class")
      ->capture_default_str();
  verb->add_flag("--by-class", arguments->by_class, "precision, recall and F1 of each class too");
  verb->add_option("--slice-column", arguments->data.slice_column, "a row of the result for each value of this column");
  verb->add_option("--max-tokens", arguments->options.max_tokens,
                   "longer rows are left out, longer texts to classify truncated")
      ->check(CLI::Range(2, 1 << 20))
      ->capture_default_str();
  verb->add_option("--micro-batch-tokens", arguments->micro_batch_tokens, "tokens run at once")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  verb->footer(
      "Example:\n"
      "  lorica eval --model models/smollm2-135m-instruct --adapter runs/quickstart/adapter \\\n"
      "      recipes/data/bitext/heldout.jsonl --slice-column intent\n"
      "  lorica eval --model models/smollm2-135m-instruct --adapter runs/intents/adapter \\\n"
      "      recipes/data/banking77/heldout.csv --label-column category --by-class");
  verb->callback([arguments] { evaluate_files(*arguments); });
}

}  // namespace lorica::cli
