#include <algorithm>
#include <cstdio>

#include "cli/verbs/model_options.h"
#include "io/data/dataset.h"
#include "io/data/loaded_text.h"
#include "io/data/source_files.h"
#include "recipes/evaluate.h"
#include "recipes/memory.h"
#include "recipes/progress.h"
#include "recipes/source_keys.h"

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

/// The keys of a source that say how its rows are read, as flags: --prompt-column for prompt_column.
void add_source_options(CLI::App* verb, DataSource& source) {
  const auto set_format = [&source](const std::string& name) { source.format = enum_named<DataFormat>(name).value(); };
  verb->add_option_function<std::string>("--format", set_format, "what a row holds; auto where it is not given")
      ->check(CLI::IsMember(names_of<DataFormat>()));
  for_each_source_key([&](std::string name, auto member, auto value, const SourceKeyInfo& info) {
    using Value = decltype(value);
    const bool said_elsewhere = name == "slice_column" || name == "weight";
    if constexpr (std::is_same_v<Value, YamlOptionalText>) {
      if (said_elsewhere) return;
      std::replace(name.begin(), name.end(), '_', '-');
      verb->add_option("--" + name, source.*member, info.help);
    }
  });
}

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
  arguments.data.files.clear();
  for (const std::string& file : arguments.files) {
    for (const auto& found : source_files(file, "FILES")) arguments.data.files.push_back(found);
  }
  arguments.data.system_prompt = arguments.model.system_prompt;
  const ModelConfig& model = session.model().config();
  if (model.classes() > 0) arguments.data.format = DataFormat::kClassification;
  if (model.classes() == 0 && arguments.by_class) throw Error("--by-class: a language model has no classes");
  arguments.options.classes = model.labels;
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
  CLI::App* verb =
      app.add_subcommand("eval", "Loss and perplexity of a model on conversations, accuracy and F1 of a classifier");
  add_model_options(verb, arguments->model);
  verb->add_option("FILES", arguments->files, "data files, folders or patterns")->required();
  add_source_options(verb, arguments->data);
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
